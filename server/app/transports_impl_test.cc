#include "server/app/transports_impl.h"

#include <gtest/gtest.h>

#include <chrono>

#include "server/app/testing/fixture.h"
#include "server/app/uuid.h"

namespace penstock::app {
namespace {

using absl::StatusCode;

class TransportsTest : public AppFixture {
 protected:
  TransportsTest() { Upload("m"); }
  absl::Status TryUpdate(Transports::UpdateRequest request) {
    return transports_.Update(std::move(request)).status();
  }
  static Transports::UpdateRequest UpdateOf(const std::string& id, std::string path) {
    Transports::UpdateRequest request;
    request.transport.name = NameOf(id);
    request.update_mask = {std::move(path)};
    return request;
  }
};

TEST_F(TransportsTest, CreateStoresWhatWasAsked) {
  const TransportView view = Create("t");
  EXPECT_TRUE(IsUuid(view.transport.uid));
  EXPECT_EQ(view.status.state, domain::TransportState::kStarting);
  EXPECT_EQ(Get("t").transport.remote, "tcp://example.com:443");
  EXPECT_EQ(Get("t").transport.revision, view.transport.revision);
}

TEST_F(TransportsTest, CreateRefusals) {
  Create("taken");
  const auto reason = [this](const std::function<void(Transports::CreateRequest&)>& spoil) {
    auto request = CreateOf("new");
    spoil(request);
    return ReasonOf(transports_.Create(request).status());
  };
  EXPECT_EQ(reason([](auto& r) { r.transport_id = "taken"; }), "TRANSPORT_EXISTS");
  EXPECT_EQ(reason([](auto& r) { r.transport_id = "Bad"; }), "INVALID_ID");
  EXPECT_EQ(reason([](auto& r) { r.parent.tenant = "other"; }), "TENANT_NOT_FOUND");
  EXPECT_EQ(reason([](auto& r) { r.transport.module.module = "none"; }), "MODULE_NOT_FOUND");
  EXPECT_EQ(reason([](auto& r) { r.transport.listen = "x"; }), "INVALID_ADDRESS");
  EXPECT_EQ(reason([](auto& r) { r.request_id = "x"; }), "INVALID_REQUEST_ID");
  EXPECT_EQ(reason([](auto& r) { r.transport.role = domain::Role::kRelay; }), "ROLE_NOT_SUPPORTED");
  EXPECT_EQ(transports_.Get(NameOf("new")).status().code(), StatusCode::kNotFound);
}

TEST_F(TransportsTest, ValidateOnlyStoresNothing) {
  auto request = CreateOf("t");
  request.validate_only = true;
  EXPECT_TRUE(transports_.Create(request).ok());
  EXPECT_EQ(ReasonOf(transports_.Get(NameOf("t")).status()), "TRANSPORT_NOT_FOUND");
  Create("t");
  auto update = UpdateOf("t", "description");
  update.transport.description = "new";
  update.validate_only = true;
  EXPECT_TRUE(TryUpdate(update).ok());
  EXPECT_EQ(Get("t").transport.description, "");
}

TEST_F(TransportsTest, ARepeatedCreateGetsTheFirstAnswer) {
  auto request = CreateOf("t");
  request.request_id = kRequestId;
  const TransportView first = Create(request);
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(Create(request).transport.uid, first.transport.uid);
  request.transport.description = "another";
  EXPECT_EQ(ReasonOf(transports_.Create(request).status()), "REQUEST_ID_REUSED");
}

TEST_F(TransportsTest, TwoEnabledTransportsCannotHaveOneAddress) {
  Create("a", "tcp://127.0.0.1:80");
  auto request = CreateOf("b");
  request.transport.listen = "tcp://0.0.0.0:80";
  const absl::Status status = transports_.Create(request).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(status), "ADDRESS_IN_USE");
  EXPECT_EQ(domain::DetailOf(status).metadata.at("transport"), "tenants/default/transports/a");

  request.transport.enabled = false;
  Create(request);
  EXPECT_EQ(ReasonOf(transports_.SetEnabled(NameOf("b"), true, "").status()), "ADDRESS_IN_USE");
  ASSERT_TRUE(transports_.SetEnabled(NameOf("a"), false, "").ok());
  EXPECT_TRUE(transports_.SetEnabled(NameOf("b"), true, "").ok());
  ASSERT_TRUE(transports_.Delete(NameOf("b"), "").ok());
  EXPECT_TRUE(transports_.SetEnabled(NameOf("a"), true, "").ok());
}

TEST_F(TransportsTest, UpdateChangesTheNamedFieldsOnly) {
  auto request = CreateOf("t");
  request.transport.files = {{"watm.cfg", "secret"}, {"ca.pem", "ca"}};
  const int64_t created = Create(request).transport.revision;
  Update("t", "limits.idle_timeout", [](auto& t) {
    t.limits.idle_timeout = std::chrono::seconds(5);
    t.description = "not named";
  });
  const domain::Transport transport = Get("t").transport;
  EXPECT_EQ(transport.limits.idle_timeout, std::chrono::seconds(5));
  EXPECT_EQ(transport.description, "");
  EXPECT_EQ(transport.remote, "tcp://example.com:443");
  EXPECT_GT(transport.revision, created);

  Update("t", "configuration.watm_cfg", [](auto& t) { t.files["watm.cfg"] = "new"; });
  EXPECT_EQ(Get("t").transport.files.at("watm.cfg"), "new");
  EXPECT_EQ(Get("t").transport.files.at("ca.pem"), "ca");
  Update("t", "configuration.files", [](auto& t) { t.files["x"] = "y"; });
  EXPECT_EQ(Get("t").transport.files,
            (std::map<std::string, std::string>{{"watm.cfg", "new"}, {"x", "y"}}));
  Update("t", "configuration", [](auto&) {});
  EXPECT_TRUE(Get("t").transport.files.empty());
}

TEST_F(TransportsTest, AStarReplacesAllThatACallerSets) {
  const domain::Transport before = Create("t").transport;
  Update("t", "*", [](auto& t) {
    t = CreateOf("t").transport;
    t.enabled = false;
    t.labels = {{"a", "b"}};
  });
  const domain::Transport after = Get("t").transport;
  EXPECT_FALSE(after.enabled);
  EXPECT_EQ(after.labels.size(), 1u);
  EXPECT_EQ(after.uid, before.uid);
  EXPECT_EQ(after.create_time, before.create_time);
}

TEST_F(TransportsTest, UpdateRefusals) {
  const int64_t revision = Create("t").transport.revision;
  EXPECT_EQ(ReasonOf(TryUpdate(UpdateOf("t", "colour"))), "UNKNOWN_FIELD");
  EXPECT_EQ(ReasonOf(TryUpdate(UpdateOf("t", "limits.colour"))), "UNKNOWN_FIELD");
  EXPECT_EQ(ReasonOf(TryUpdate(UpdateOf("none", "description"))), "TRANSPORT_NOT_FOUND");
  auto role = UpdateOf("t", "role");
  role.transport.role = domain::Role::kListener;
  EXPECT_EQ(ReasonOf(TryUpdate(role)), "IMMUTABLE_FIELD");
  EXPECT_EQ(FieldOf(TryUpdate(role)), "transport.role");
  EXPECT_EQ(ReasonOf(TryUpdate(UpdateOf("t", "listen"))), "REQUIRED_FIELD_MISSING");
  auto stale = UpdateOf("t", "description");
  stale.etag = std::to_string(revision + 1);
  EXPECT_EQ(TryUpdate(stale).code(), StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(TryUpdate(stale)), "STALE_ETAG");
  EXPECT_EQ(Get("t").transport.revision, revision);
}

TEST_F(TransportsTest, AnUpdateThatChangesNothingKeepsTheEtag) {
  const int64_t revision = Create("t").transport.revision;
  EXPECT_EQ(
      Update("t", "remote", [](auto& t) { t.remote = "tcp://example.com:443"; }).transport.revision,
      revision);
  EXPECT_EQ(transports_.SetEnabled(NameOf("t"), true, "")->transport.revision, revision);
}

TEST_F(TransportsTest, AllowMissingCreates) {
  auto request = UpdateOf("t", "*");
  request.transport = CreateOf("t").transport;
  request.allow_missing = true;
  const auto view = transports_.Update(request);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_FALSE(view->transport.uid.empty());
  request.transport.description = "second";
  EXPECT_EQ(transports_.Update(request)->transport.uid, view->transport.uid);
}

TEST_F(TransportsTest, DeleteTakesEverythingAlong) {
  const int64_t revision = Create("t", "tcp://127.0.0.1:80").transport.revision;
  EXPECT_EQ(ReasonOf(transports_.Delete(NameOf("t"), "1")), "STALE_ETAG");
  ASSERT_TRUE(transports_.Delete(NameOf("t"), std::to_string(revision)).ok());
  EXPECT_EQ(ReasonOf(transports_.Delete(NameOf("t"), "")), "TRANSPORT_NOT_FOUND");
  const auto left = store_.Range("/", "", 0);
  ASSERT_EQ(left->kvs.size(), 1u);  // the module
  EXPECT_EQ(left->kvs[0].key, "/modules/default/m");
}

TEST_F(TransportsTest, AFailingStoreIsTheCallersToSee) {
  store_.failure = absl::ResourceExhaustedError("disk full");
  EXPECT_EQ(transports_.Create(CreateOf("t")).status().code(), StatusCode::kResourceExhausted);
  store_.failure = absl::OkStatus();
  Create("t");
}

TEST_F(TransportsTest, ListShowsPages) {
  for (const char* id : {"c", "a", "b"}) Create(id);
  const auto page = transports_.List({.tenant = "default"}, 2, "");
  ASSERT_EQ(page->items.size(), 2u);
  EXPECT_EQ(page->items[0].transport.name.transport, "a");
  EXPECT_EQ(transports_.List({.tenant = "default"}, 2, page->next_page_token)->items.size(), 1u);
}

}  // namespace
}  // namespace penstock::app
