// Configurations to libraft's bytes and back. See configuration.hpp.

#include "cluster/configuration.hpp"

#include <algorithm>

#include "cluster/libraft.hpp"

namespace coffer::cluster {

model::Result<std::string> encode_configuration(const std::vector<Voter>& servers) {
  raft_configuration configuration;
  raft_configuration_init(&configuration);
  int rv = 0;
  for (const Voter& server : servers) {
    rv = raft_configuration_add(&configuration, server.id.value, server.address.c_str(), static_cast<int>(server.role));
    if (rv != 0) {
      break;
    }
  }
  raft_buffer buffer{};
  if (rv == 0) {
    rv = raft_configuration_encode(&configuration, &buffer);
  }
  raft_configuration_close(&configuration);
  if (rv != 0) {
    return model::Error(model::Code::invalid_argument, std::string("group configuration: ") + raft_strerror(rv));
  }
  std::string bytes(static_cast<const char*>(buffer.base), buffer.len);
  raft_free(buffer.base);
  return bytes;
}

model::Result<std::vector<Voter>> decode_configuration(std::string_view bytes) {
  const raft_buffer buffer{const_cast<char*>(bytes.data()), bytes.size()};
  raft_configuration configuration;
  raft_configuration_init(&configuration);
  if (bytes.empty() || raft_configuration_decode(&buffer, &configuration) != 0) {
    return model::Error(model::Code::data_loss, "a group's configuration does not parse");
  }
  std::vector<Voter> servers;
  for (unsigned i = 0; i < configuration.n; ++i) {
    const raft_server& server = configuration.servers[i];
    servers.push_back({model::NodeId(server.id), server.address, static_cast<ServerRole>(server.role)});
  }
  raft_configuration_close(&configuration);
  return servers;
}

bool is_voter(const std::vector<Voter>& servers, model::NodeId id) {
  return std::any_of(servers.begin(), servers.end(),
                     [id](const Voter& v) { return v.id == id && v.role == ServerRole::voter; });
}

bool is_sole_voter(const std::vector<Voter>& servers, model::NodeId self) {
  const auto voters =
      std::count_if(servers.begin(), servers.end(), [](const Voter& v) { return v.role == ServerRole::voter; });
  return voters == 1 && is_voter(servers, self);
}

model::Status check_single_change(const std::vector<Voter>& from, const std::vector<Voter>& to) {
  const auto has = [](const std::vector<Voter>& in, model::NodeId id) {
    return std::any_of(in.begin(), in.end(), [id](const Voter& v) { return v.id == id; });
  };
  std::vector<Voter> kept_from;
  std::vector<Voter> kept_to;
  std::copy_if(from.begin(), from.end(), std::back_inserter(kept_from), [&](const Voter& v) { return has(to, v.id); });
  std::copy_if(to.begin(), to.end(), std::back_inserter(kept_to), [&](const Voter& v) { return has(from, v.id); });
  if (kept_from.size() != kept_to.size()) {
    return model::Error(model::Code::invalid_argument, "a server stands in the configuration twice");
  }
  std::size_t changes = (from.size() - kept_from.size()) + (to.size() - kept_to.size());
  for (std::size_t i = 0; i < kept_from.size(); ++i) {
    if (kept_from[i].id != kept_to[i].id) {
      return model::Error(model::Code::invalid_argument, "the order of a group's servers must not change");
    }
    changes += kept_from[i] == kept_to[i] ? 0 : 1;
  }
  if (changes != 1) {
    return model::Error(model::Code::invalid_argument, "a configuration changes by one server at a time");
  }
  if (std::none_of(to.begin(), to.end(), [](const Voter& v) { return v.role == ServerRole::voter; })) {
    return model::Error(model::Code::invalid_argument, "a group needs a voter");
  }
  return {};
}

}  // namespace coffer::cluster
