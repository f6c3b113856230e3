// See control_frames.hpp.

#include "actors/control_frames.hpp"

#include "model/wire.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::uint64_t kReport = 1, kStep = 2;

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
      const std::uint64_t role = reader.varint();
      if (role > static_cast<std::uint64_t>(model::ReplicaRole::spare)) reader.fail();
      replica.role = static_cast<model::ReplicaRole>(role);
      replica.match = model::Index{reader.varint()};
      info.replicas.push_back(replica);
    }
    report.groups.push_back(std::move(info));
  }
  return report;
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
    return out;
  }
  const auto& step = std::get<Step>(message);
  writer.varint(kStep);
  writer.varint(step.group.value);
  writer.varint(static_cast<std::uint64_t>(step.kind));
  writer.varint(step.node.value);
  return out;
}

model::Result<ControlMessage> decode_control(model::NodeId from, std::string_view bytes) {
  model::wire::Reader reader(bytes);
  const std::uint64_t format = reader.varint();
  const std::uint64_t kind = reader.varint();
  if (reader.ok() && (format != kControlFormat || (kind != kReport && kind != kStep))) {
    return Error(Code::unimplemented, "a peer sent a control message in a form that this program does not know");
  }
  ControlMessage message;
  if (kind == kReport) {
    message = read_report(from, reader);
  } else {
    Step step;
    step.group = model::GroupId{reader.varint()};
    const std::uint64_t what = reader.varint();
    if (what < 1 || what > 5) reader.fail();
    step.kind = static_cast<Step::Kind>(what);
    step.node = model::NodeId{reader.varint()};
    message = step;
  }
  if (!reader.ok() || !reader.at_end()) return Error(Code::invalid_argument, "a peer's control message is malformed");
  return message;
}

}  // namespace coffer::actors
