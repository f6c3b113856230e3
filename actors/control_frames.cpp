// See control_frames.hpp.

#include "actors/control_frames.hpp"

#include <algorithm>

#include "actors/placer.hpp"
#include "model/wire.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::uint64_t kReport = 1, kTarget = 2, kTransfer = 3;

std::uint64_t read_role(model::wire::Reader& reader) {
  const std::uint64_t role = reader.varint();
  return role <= static_cast<std::uint64_t>(model::ReplicaRole::spare) ? role : reader.fail();
}

/// One of the report's groups behind `next`, which is moved behind it: they stand in the groups' order.
void read_load(model::wire::Reader& reader, std::vector<model::GroupInfo>& groups, std::size_t& next) {
  const model::GroupId id{reader.varint()};
  while (next < groups.size() && groups[next].id != id) ++next;
  model::GroupLoad load;
  load.requests = reader.varint();
  load.writes = reader.varint();
  if (next < groups.size()) {
    groups[next++].load = load;
  } else {
    reader.fail();
  }
}

GroupsReport read_report(model::NodeId from, model::wire::Reader& reader) {
  GroupsReport report;
  const std::size_t groups = reader.count();
  for (std::size_t i = 0; i < groups && reader.ok(); ++i) {
    model::GroupInfo info;
    info.id = model::GroupId{reader.varint()};
    info.leader = from;
    info.term = model::Term{reader.varint()};
    info.commit = model::Index{reader.varint()};
    const std::size_t replicas = reader.count();
    for (std::size_t j = 0; j < replicas && reader.ok(); ++j) {
      model::ReplicaInfo replica;
      replica.node = model::NodeId{reader.varint()};
      replica.role = static_cast<model::ReplicaRole>(read_role(reader));
      replica.match = model::Index{reader.varint()};
      info.replicas.push_back(replica);
    }
    report.groups.push_back(std::move(info));
  }
  if (!reader.ok() || reader.at_end()) return report;
  report.low_on_disk = reader.boolean();
  if (reader.at_end()) {
    if (!report.low_on_disk) reader.fail();  // it would have ended before
    return report;
  }
  const std::size_t loads = reader.count();
  if (loads == 0) reader.fail();
  for (std::size_t i = 0, next = 0; i < loads && reader.ok(); ++i) read_load(reader, report.groups, next);
  return report;
}

void write_loads(model::wire::Writer& writer, const GroupsReport& report) {
  const auto is_known = [](const model::GroupInfo& info) { return info.load.has_value(); };
  const auto loads = std::count_if(report.groups.begin(), report.groups.end(), is_known);
  if (report.low_on_disk || loads > 0) writer.boolean(report.low_on_disk);
  if (loads == 0) return;
  writer.varint(static_cast<std::uint64_t>(loads));
  for (const model::GroupInfo& info : report.groups) {
    if (!info.load) continue;
    writer.varint(info.id.value);
    writer.varint(info.load->requests);
    writer.varint(info.load->writes);
  }
}

}  // namespace

model::Secret encode_control(const ControlMessage& message) {
  model::Secret out;
  model::wire::Writer writer(&out);
  writer.varint(kControlFormat);
  if (const auto* report = std::get_if<GroupsReport>(&message)) {
    writer.varint(kReport);
    writer.varint(report->groups.size());
    for (const model::GroupInfo& info : report->groups) {
      writer.varint(info.id.value);
      writer.varint(info.term.value);
      writer.varint(info.commit.value);
      writer.varint(info.replicas.size());
      for (const model::ReplicaInfo& replica : info.replicas) {
        writer.varint(replica.node.value);
        writer.varint(static_cast<std::uint64_t>(replica.role));
        writer.varint(replica.match.value);
      }
    }
    write_loads(writer, *report);
    return out;
  }
  if (const auto* target = std::get_if<Target>(&message)) {
    writer.varint(kTarget);
    writer.varint(target->group.value);
    writer.varint(target->servers.size());
    for (const cluster::Voter& server : target->servers) {
      writer.varint(server.id.value);
      writer.varint(static_cast<std::uint64_t>(server.role));
    }
    return out;
  }
  const auto& transfer = std::get<Transfer>(message);
  writer.varint(kTransfer);
  writer.varint(transfer.group.value);
  writer.varint(transfer.to.value);
  return out;
}

model::Result<ControlMessage> decode_control(model::NodeId from, std::string_view bytes) {
  model::wire::Reader reader(bytes);
  const std::uint64_t format = reader.varint();
  const std::uint64_t kind = reader.varint();
  if (reader.ok() && (format != kControlFormat || kind < kReport || kind > kTransfer)) {
    return Error(Code::unimplemented, "a peer sent a control message in a form that this program does not know");
  }
  ControlMessage message;
  if (kind == kReport) {
    message = read_report(from, reader);
  } else if (kind == kTarget) {
    Target target;
    target.group = model::GroupId{reader.varint()};
    const std::size_t servers = reader.count();
    for (std::size_t i = 0; i < servers && reader.ok(); ++i) {
      const model::NodeId node{reader.varint()};
      target.servers.push_back(server_of(node, static_cast<cluster::ServerRole>(read_role(reader))));
    }
    message = std::move(target);
  } else {
    Transfer transfer;
    transfer.group = model::GroupId{reader.varint()};
    transfer.to = model::NodeId{reader.varint()};
    message = transfer;
  }
  if (!reader.ok() || !reader.at_end()) return Error(Code::invalid_argument, "a peer's control message is malformed");
  return message;
}

}  // namespace coffer::actors
