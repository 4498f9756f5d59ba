#include "server/store/sqlite/connection.h"

#include <fmt/format.h>

#include <utility>

#include "base/status.h"

namespace penstock::store {

absl::Status SqliteStatus(sqlite3* database, int code, std::string_view what) {
  const char* text = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const std::string message = fmt::format("{}: {}", what, text);
  switch (code & 0xff) {  // the primary code, without its extension
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    default:
      return absl::UnavailableError(message);
  }
}

absl::StatusOr<Statement> Statement::Prepare(sqlite3* database, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return SqliteStatus(database, code, "cannot prepare a statement");
  return Statement(statement);
}

void Statement::Bind(int index, std::string_view bytes) {
  // A null pointer would bind NULL instead of no bytes.
  const char* data = bytes.data() != nullptr ? bytes.data() : "";
  const int code = sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

void Statement::Bind(int index, int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), index, value);
  if (bind_code_ == SQLITE_OK) bind_code_ = code;
}

absl::StatusOr<bool> Statement::Step() {
  sqlite3* database = sqlite3_db_handle(statement_.get());
  if (bind_code_ != SQLITE_OK) return SqliteStatus(database, bind_code_, "state store");
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteStatus(database, code, "state store");
}

std::string_view Statement::Bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }

void Statement::Reset() {
  (void)sqlite3_reset(statement_.get());  // repeats the error that Step() returned
  (void)sqlite3_clear_bindings(statement_.get());
  bind_code_ = SQLITE_OK;
}

absl::StatusOr<Connection> Connection::Open(const std::string& path) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
      nullptr);
  Connection connection(database);  // to be closed even when it did not open
  if (code != SQLITE_OK) {
    return SqliteStatus(database, code, fmt::format("cannot open the state store {}", path));
  }
  return connection;
}

absl::Status Connection::Execute(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return absl::OkStatus();
  return SqliteStatus(database_.get(), code, "state store");
}

absl::StatusOr<int64_t> Connection::QueryInt(const char* sql) {
  ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(database_.get(), sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::DataLossError("state store: a value is missing");
  return statement.Int(0);
}

absl::StatusOr<std::string> Connection::QueryText(const char* sql) {
  ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(database_.get(), sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return absl::DataLossError("state store: a value is missing");
  return std::string(statement.Bytes(0));
}

}  // namespace penstock::store
