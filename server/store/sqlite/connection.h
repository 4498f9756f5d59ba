#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace penstock::store {

// A failed call of SQLite as a status: a full disk or database RESOURCE_EXHAUSTED, damage
// DATA_LOSS, everything else of the medium UNAVAILABLE. `what` says what was being done.
absl::Status SqliteStatus(sqlite3* database, int code, std::string_view what);

// A prepared statement. Move-only; must not outlive its connection. Not safe across threads.
class Statement final {
 public:
  static absl::StatusOr<Statement> Prepare(sqlite3* database, const char* sql);

  // Numbered from 1. The bytes are borrowed until Reset().
  void Bind(int index, std::string_view bytes);
  void Bind(int index, int64_t value);

  // True while there is a row.
  absl::StatusOr<bool> Step();
  // Numbered from 0. Valid until the next Step() or Reset().
  std::string_view Bytes(int column) const;
  int64_t Int(int column) const;

  // Makes it ready for another run.
  void Reset();

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { (void)sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_code_ = SQLITE_OK;  // the first failure of Bind(), reported by Step()
};

// An open database file.
class Connection final {
 public:
  static absl::StatusOr<Connection> Open(const std::string& path);

  // Runs one or more statements that return nothing.
  absl::Status Execute(const char* sql);
  // The first column of the first row, as a number. DATA_LOSS when there is no row.
  absl::StatusOr<int64_t> QueryInt(const char* sql);
  absl::StatusOr<std::string> QueryText(const char* sql);

  sqlite3* get() const { return database_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { (void)sqlite3_close_v2(database); }
  };
  explicit Connection(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace penstock::store
