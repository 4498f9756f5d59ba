#include "server/store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <utility>
#include <variant>

#include "base/status.h"

namespace penstock::store {
namespace {

constexpr int64_t kSchemaVersion = 1;
constexpr char kSchema[] = R"sql(
  BEGIN IMMEDIATE;
  CREATE TABLE kv (
    key BLOB NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL);
  CREATE TABLE store (id INTEGER PRIMARY KEY CHECK (id = 0), revision INTEGER NOT NULL);
  INSERT INTO store VALUES (0, 0);
  PRAGMA user_version = 1;
  COMMIT;
)sql";

// Puts a statement back when its use ends, so that it holds no read transaction open.
class Use final {
 public:
  explicit Use(Statement& statement) : statement_(statement) {}
  ~Use() { statement_.Reset(); }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  Statement* operator->() const { return &statement_; }

 private:
  Statement& statement_;
};

absl::StatusOr<UniqueFd> LockFile(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return ErrnoStatus(errno, fmt::format("cannot open {}", path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, fmt::format("cannot lock {}", path));
    return absl::FailedPreconditionError(
        fmt::format("the state store is in use by another process, which holds {}", path));
  }
  return fd;
}

// Makes the file before SQLite does, so that it is never readable by others: it holds secrets.
absl::Status CreatePrivate(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return ErrnoStatus(errno, fmt::format("cannot open the state store {}", path));
  return absl::OkStatus();
}

absl::Status SetUp(Connection& connection, const SqliteStore::Options& options) {
  RETURN_IF_ERROR(connection.Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"));
  if (options.page_count_max > 0) {
    const std::string pragma = fmt::format("PRAGMA max_page_count = {}", options.page_count_max);
    RETURN_IF_ERROR(connection.Execute(pragma.c_str()));
  }
  ASSIGN_OR_RETURN(const int64_t version, connection.QueryInt("PRAGMA user_version"));
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        fmt::format("{} has schema version {}, written by a newer Penstock; this one knows {}",
                    options.path, version, kSchemaVersion));
  }
  if (version == 0) return connection.Execute(kSchema);
  ASSIGN_OR_RETURN(const std::string check, connection.QueryText("PRAGMA quick_check(1)"));
  if (check == "ok") return absl::OkStatus();
  return absl::DataLossError(check);
}

// A damaged file says so, and what to do.
absl::Status Explain(const absl::Status& status, const std::string& path) {
  if (status.code() != absl::StatusCode::kDataLoss) return status;
  return absl::DataLossError(
      fmt::format("{} is damaged or not a Penstock state store ({}); restore it from a backup or "
                  "move it away",
                  path, MessageOf(status)));
}

absl::StatusOr<Connection> OpenConnection(const SqliteStore::Options& options) {
  RETURN_IF_ERROR(CreatePrivate(options.path));
  ASSIGN_OR_RETURN(Connection connection, Connection::Open(options.path));
  RETURN_IF_ERROR(SetUp(connection, options));
  return connection;
}

KeyValue RowOf(const Statement& statement) {
  return {.key = std::string(statement.Bytes(0)),
          .value = std::string(statement.Bytes(1)),
          .create_revision = statement.Int(2),
          .mod_revision = statement.Int(3)};
}

// The first key after all that begin with `prefix`; keys are UTF-8, so 0xff is above them all.
std::string EndOf(std::string_view prefix) { return std::string(prefix) + '\xff'; }

}  // namespace

absl::StatusOr<SqliteStore::Statements> SqliteStore::Prepare(sqlite3* database) {
  ASSIGN_OR_RETURN(Statement get,
                   Statement::Prepare(database,
                                      "SELECT key, value, create_revision, mod_revision FROM kv "
                                      "WHERE key = ?1"));
  ASSIGN_OR_RETURN(
      Statement range,
      Statement::Prepare(database,
                         "SELECT key, value, create_revision, mod_revision FROM kv "
                         "WHERE key >= ?1 AND key > ?2 AND key < ?3 ORDER BY key LIMIT ?4"));
  ASSIGN_OR_RETURN(
      Statement put,
      Statement::Prepare(database,
                         "INSERT INTO kv VALUES (?1, ?2, ?3, ?3) ON CONFLICT (key) DO UPDATE "
                         "SET value = ?2, mod_revision = ?3 RETURNING create_revision"));
  ASSIGN_OR_RETURN(Statement erase,
                   Statement::Prepare(database, "DELETE FROM kv WHERE key = ?1 RETURNING 1"));
  ASSIGN_OR_RETURN(Statement set_revision,
                   Statement::Prepare(database, "UPDATE store SET revision = ?1 WHERE id = 0"));
  return Statements{.get = std::move(get),
                    .range = std::move(range),
                    .put = std::move(put),
                    .erase = std::move(erase),
                    .set_revision = std::move(set_revision)};
}

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(Options options) {
  ASSIGN_OR_RETURN(UniqueFd lock, LockFile(options.path + ".lock"));
  auto connection = OpenConnection(options);
  if (!connection.ok()) return Explain(connection.status(), options.path);
  auto revision = connection->QueryInt("SELECT revision FROM store WHERE id = 0");
  if (!revision.ok()) return Explain(revision.status(), options.path);
  ASSIGN_OR_RETURN(Statements statements, Prepare(connection->get()));
  return std::unique_ptr<SqliteStore>(
      new SqliteStore(std::move(lock), *std::move(connection), std::move(statements), *revision));
}

SqliteStore::SqliteStore(UniqueFd lock, Connection connection, Statements statements,
                         int64_t revision)
    : lock_(std::move(lock)),
      connection_(std::move(connection)),
      statements_(std::move(statements)),
      revision_(revision),
      history_(revision) {}

absl::StatusOr<std::optional<KeyValue>> SqliteStore::Get(std::string_view key) {
  const std::lock_guard lock(mutex_);
  return GetLocked(key);
}

absl::StatusOr<std::optional<KeyValue>> SqliteStore::GetLocked(std::string_view key) {
  const Use get(statements_.get);
  get->Bind(1, key);
  ASSIGN_OR_RETURN(const bool row, get->Step());
  if (!row) return std::nullopt;
  return RowOf(statements_.get);
}

absl::StatusOr<RangeResult> SqliteStore::Range(std::string_view prefix, std::string_view after,
                                               size_t limit) {
  const std::lock_guard lock(mutex_);
  RangeResult result;
  result.revision = revision_;
  const std::string end = EndOf(prefix);
  const Use range(statements_.range);
  range->Bind(1, prefix);
  range->Bind(2, after);
  range->Bind(3, end);
  // One more than asked for tells whether there is more; -1 is no limit.
  range->Bind(4, limit == 0 ? int64_t{-1} : static_cast<int64_t>(limit) + 1);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, range->Step());
    if (!row) return result;
    if (limit != 0 && result.kvs.size() == limit) {
      result.more = true;
      return result;
    }
    result.kvs.push_back(RowOf(statements_.range));
  }
}

absl::StatusOr<int64_t> SqliteStore::Commit(const std::vector<Compare>& compares,
                                            const std::vector<Op>& ops) {
  int64_t revision = 0;
  {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(connection_.Execute("BEGIN IMMEDIATE"));
    auto committed = CommitLocked(compares, ops);
    if (!committed.ok()) {
      // Fails where SQLite has rolled back by itself already.
      (void)connection_.Execute("ROLLBACK");
      return committed.status();
    }
    revision = *committed;
  }
  subscribers_.Notify(revision);
  return revision;
}

absl::StatusOr<int64_t> SqliteStore::CommitLocked(const std::vector<Compare>& compares,
                                                  const std::vector<Op>& ops) {
  RETURN_IF_ERROR(Check(compares));
  const int64_t revision = revision_ + 1;
  ASSIGN_OR_RETURN(std::vector<Event> events, Apply(ops, revision));
  {
    const Use set_revision(statements_.set_revision);
    set_revision->Bind(1, revision);
    RETURN_IF_ERROR(set_revision->Step());
  }
  RETURN_IF_ERROR(connection_.Execute("COMMIT"));
  revision_ = revision;
  history_.Append(revision, std::move(events));
  return revision;
}

absl::Status SqliteStore::Check(const std::vector<Compare>& compares) {
  for (const Compare& compare : compares) {
    ASSIGN_OR_RETURN(const std::optional<KeyValue> kv, GetLocked(compare.key));
    if ((kv ? kv->mod_revision : 0) != compare.mod_revision) {
      return absl::AbortedError("a compared key has changed");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Event>> SqliteStore::Apply(const std::vector<Op>& ops,
                                                      int64_t revision) {
  std::vector<Event> events;
  for (const Op& op : ops) {
    if (const auto* put = std::get_if<Put>(&op)) {
      ASSIGN_OR_RETURN(Event event, ApplyPut(*put, revision));
      events.push_back(std::move(event));
      continue;
    }
    const std::string& key = std::get<Delete>(op).key;
    const Use erase(statements_.erase);
    erase->Bind(1, key);
    ASSIGN_OR_RETURN(const bool erased, erase->Step());
    if (erased) {
      events.push_back({.kind = Event::Kind::kDelete,
                        .kv = {.key = key, .value = {}, .mod_revision = revision}});
    }
  }
  return events;
}

absl::StatusOr<Event> SqliteStore::ApplyPut(const Put& put, int64_t revision) {
  const Use statement(statements_.put);
  statement->Bind(1, put.key);
  statement->Bind(2, put.value);
  statement->Bind(3, revision);
  ASSIGN_OR_RETURN(const bool row, statement->Step());
  const int64_t create_revision = row ? statement->Int(0) : revision;
  return Event{.kind = Event::Kind::kPut,
               .kv = {.key = put.key,
                      .value = put.value,
                      .create_revision = create_revision,
                      .mod_revision = revision}};
}

absl::StatusOr<int64_t> SqliteStore::Revision() {
  const std::lock_guard lock(mutex_);
  return revision_;
}

absl::StatusOr<std::vector<Event>> SqliteStore::EventsSince(std::string_view prefix,
                                                            int64_t revision) {
  const std::lock_guard lock(mutex_);
  return history_.Since(prefix, revision);
}

StateStore::Subscription SqliteStore::Subscribe(std::function<void(int64_t revision)> listener) {
  return subscribers_.Add(std::move(listener));
}

}  // namespace penstock::store
