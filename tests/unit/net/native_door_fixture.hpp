#pragma once
// What the tests of the native door share: calls of its methods, and an entry to answer with.

#include "coffer/v1/secrets.pb.h"
#include "net/native/door.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {

class NativeDoorTest : public ::testing::Test {
 protected:
  NativeDoorTest() { caller.headers["authorization"] = "Bearer tenant-token"; }
  template <class Out, class In>
  Outcome<Out> run(const std::string& method, In in) {
    if (in.tenant().empty()) in.set_tenant("acme");
    Doors settings;
    settings.dev = dev;
    const auto door = make_native_door(settings, gateway);
    return call<Out>(*door, gateway, caller, method, in);
  }
  template <class In>
  static In of(const char* name = "app/db") {
    In in;
    in.set_space("kv");
    in.set_name(name);
    return in;
  }
  /// An entry with every field, whose version 2 is deleted and 3 is active.
  static model::EntryReply entry() {
    model::EntryReply reply;
    model::Entry& e = reply.entry;
    e.space = "kv";
    e.name = "app/db";
    e.description = "d";
    e.tags = {{"env", "prod"}};
    e.created_at = 1000;
    e.updated_at = 2345;
    e.created_by = "token:1";
    e.expires_at = 4'000'000'000'000;
    e.max_versions = 5;
    e.last_version = 3;
    e.versions = {{2, model::State::deleted, 1100, "token:1"}, {3, model::State::active, 1200, "token:2"}};
    reply.version = 3;
    return reply;
  }
  static model::EntryReply entry(model::Payload payload) {
    model::EntryReply reply = entry();
    reply.payload = std::move(payload);
    return reply;
  }

  FakeGateway gateway;
  FakeCaller caller;
  bool dev = false;
};

}  // namespace coffer::net
