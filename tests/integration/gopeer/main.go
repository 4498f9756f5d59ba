// Gopeer runs WATM modules in the Go runtime that WATM v1 came with, as a peer for Penstock's tests.
//
//	gopeer dialer   -module M -remote HOST:PORT [-config FILE]
//	gopeer fixed    -module M -allow HOST:PORT [-config FILE]
//	gopeer listener -module M -upstream HOST:PORT [-config FILE]
//	gopeer relay    -module M -remote HOST:PORT [-config FILE]
//
// It listens on a loopback port, prints "listening ADDRESS", and serves until its standard input
// ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/refraction-networking/water"
	_ "github.com/refraction-networking/water/transport/v1"
)

func main() {
	log.SetPrefix("gopeer: ")
	if len(os.Args) < 2 {
		log.Fatal("missing role: dialer, fixed, listener or relay")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	module := flags.String("module", "", "the module's file")
	configFile := flags.String("config", "", "file that becomes /conf/watm.cfg")
	remote := flags.String("remote", "", "where a dialer or relay leads")
	allow := flags.String("allow", "", "the one address that a fixed dialer may dial")
	upstream := flags.String("upstream", "", "where a listener's plain side leads")
	check(flags.Parse(os.Args[2:]))

	config := &water.Config{}
	var err error
	config.TransportModuleBin, err = os.ReadFile(*module)
	check(err)
	if *configFile != "" {
		config.TransportModuleConfig, err = water.TransportModuleConfigFromFile(*configFile)
		check(err)
	}
	config.DialedAddressValidator = func(_, address string) error {
		if address != *allow {
			return fmt.Errorf("%s is not allowed", address)
		}
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)

	switch os.Args[1] {
	case "dialer":
		go serve(listener, func() (net.Conn, error) { return dial(config, *remote) })
	case "fixed":
		go serve(listener, func() (net.Conn, error) { return dialFixed(config) })
	case "listener":
		config.NetworkListener = listener
		watm, err := water.NewListenerWithContext(context.Background(), config)
		check(err)
		go serve(watm, func() (net.Conn, error) { return net.Dial("tcp", *upstream) })
	case "relay":
		config.NetworkListener = listener
		relay, err := water.NewRelayWithContext(context.Background(), config)
		check(err)
		go func() { check(relay.RelayTo("tcp", *remote)) }()
	default:
		log.Fatalf("unknown role %q", os.Args[1])
	}
	fmt.Println("listening", listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func dial(config *water.Config, remote string) (net.Conn, error) {
	dialer, err := water.NewDialerWithContext(context.Background(), config)
	if err != nil {
		return nil, err
	}
	return dialer.DialContext(context.Background(), "tcp", remote)
}

func dialFixed(config *water.Config) (net.Conn, error) {
	dialer, err := water.NewFixedDialerWithContext(context.Background(), config)
	if err != nil {
		return nil, err
	}
	return dialer.DialFixedContext(context.Background())
}

// serve joins each connection that comes in with one that `dial` makes.
func serve(listener net.Listener, dial func() (net.Conn, error)) {
	for {
		accepted, err := listener.Accept()
		if err != nil {
			log.Print("accept: ", err)
			return
		}
		go func() {
			defer accepted.Close()
			dialed, err := dial()
			if err != nil {
				log.Print("dial: ", err)
				return
			}
			defer dialed.Close()
			join(accepted, dialed)
		}()
	}
}

// join copies both ways until one of them ends: this runtime's connections know no half-close.
func join(a, b net.Conn) {
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{a, b}, {b, a}} {
		go func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			done <- struct{}{}
		}(pair[0], pair[1])
	}
	<-done
}
