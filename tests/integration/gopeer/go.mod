module penstock.dev/tests/gopeer

go 1.21

require github.com/refraction-networking/water v0.7.1-alpha

require (
	github.com/blang/vfs v1.0.0 // indirect
	github.com/gaukas/wazerofs v0.1.0 // indirect
	github.com/tetratelabs/wazero v1.7.3 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)

// As the module itself asks: its host functions need this fork.
replace github.com/tetratelabs/wazero => github.com/refraction-networking/wazero v1.7.3-w
