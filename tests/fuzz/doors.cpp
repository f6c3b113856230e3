// What the doors read with readers of their own: HTTP's words and messages, Dapr's paths and JSON, Tapis's bodies, and
// the renderer.

#include <boost/json/parse.hpp>

#include "model/render.hpp"
#include "model/rules.hpp"
#include "model/utf8.hpp"
#include "net/dapr/go_json.hpp"
#include "net/dapr/paths.hpp"
#include "net/dapr/projection.hpp"
#include "net/http/incoming.hpp"
#include "net/http/parser.hpp"
#include "net/http/router.hpp"
#include "net/http/words.hpp"
#include "net/tapis/body.hpp"
#include "net/tapis/render.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

namespace json = boost::json;

struct Parsed {
  net::http::Incoming request;
  net::http::Malformed malformed = net::http::Malformed::none;
  bool done = false;
  bool has_header = false;
  std::size_t waiting = 0;  // bytes that the parser has not taken
};

/// Feeds the bytes so many at a time, as a socket may.
Parsed parse_http(std::string_view bytes, std::size_t step) {
  Parsed parsed;
  net::http::Parser parser(2048, 1024, parsed.request);
  std::string waiting;
  while (!parser.is_done() && parser.malformed() == net::http::Malformed::none) {
    const std::size_t next = std::min(step, bytes.size());
    waiting.append(bytes.substr(0, next));
    bytes.remove_prefix(next);
    std::size_t used = 1;
    while (used != 0 && !parser.is_done() && parser.malformed() == net::http::Malformed::none) {
      used = parser.feed(waiting);
      require(used <= waiting.size(), "the parser takes what is there");
      waiting.erase(0, used);
    }
    if (next == 0) break;
  }
  parsed.malformed = parser.malformed();
  parsed.done = parser.is_done();
  parsed.has_header = parser.has_header();
  parsed.waiting = waiting.size();
  return parsed;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace

COFFER_FUZZ(http_parser) {
  // An unfinished header may be refused at once or waited for; Beast looks at it earlier when it comes in one piece.
  const std::size_t header = input.find("\r\n\r\n");
  if (header == std::string_view::npos) return;
  // It counts a header's bytes while it waits for more of them, so one in a single piece may be a little longer.
  constexpr std::size_t kHeaderLimit = 2048;
  if (header + 4 > kHeaderLimit) return;
  const Parsed whole = parse_http(input, input.size() + 1), slow = parse_http(input, 1), some = parse_http(input, 7);
  for (const Parsed* other : {&slow, &some}) {
    // Of several things that are wrong, another may be found first.
    const auto is_bad = [](const Parsed& one) { return one.malformed != net::http::Malformed::none; };
    // A chunk's last bytes are held back until they could be the body's end (parser.cpp), be they right or wrong; and a
    // header whose first line is too short is waited for by Beast when it comes byte by byte.
    const auto is_held = [&](const Parsed& one) {
      return !one.done && !is_bad(one) && (!one.has_header || one.waiting < 5);
    };
    require((is_bad(whole) || is_bad(*other) || whole.done == other->done) &&
                (is_bad(whole) == is_bad(*other) || is_held(whole) || is_held(*other)),
            "how it arrives does not matter");
    if (!whole.done || is_bad(whole)) continue;
    require(whole.request.method == other->request.method && whole.request.target == other->request.target &&
                whole.request.body == other->request.body && whole.request.text == other->request.text,
            "neither for what it says");
  }
  if (whole.done) require(whole.request.body.size() <= 1024, "a body is bounded");
}

COFFER_FUZZ(http_words) {
  const auto target = net::http::split_target(input);
  if (!target.path.empty()) {
    require(target.path.starts_with('/'), "a path begins with a slash");
    require(target.path.find('?') == std::string_view::npos, "and ends before the query");
  }
  (void)net::http::parse_query(input);
  const auto decoded = net::http::percent_decode(input, false);
  if (decoded) require(decoded->size() <= input.size(), "decoding never grows");
}

COFFER_FUZZ(router) {
  static const auto router = [] {
    auto made = std::make_unique<net::http::Router>();
    int number = 0;
    for (const char* pattern :
         {"/v1/tenants/{tenant}/spaces/{space}/secrets/{name}",
          "/v1/tenants/{tenant}/spaces/{space}/secrets/{name}:history", "/v1/tenants/{tenant}/spaces/{space}:render",
          "/v1/tenants/{tenant}:batchGet", "/v1/tenants/{tenant}/tokens/self", "/v1.0/secrets/{store}/bulk",
          "/v1.0/secrets/{store}/{key}", "/pods/secrets/{secret_id}/value"}) {
      const auto* endpoint = reinterpret_cast<const net::http::Endpoint*>(static_cast<std::uintptr_t>(++number * 16));
      require(made->add("GET", pattern, endpoint).ok(), "the patterns are good");
    }
    return made;
  }();
  const auto match = router->find("GET", input);
  for (const auto& [name, value] : match.variables) {
    require(value.data() >= input.data() && value.data() + value.size() <= input.data() + input.size(),
            "a variable is a part of the path");
    require(value.find('/') == std::string_view::npos, "and one segment of it");
  }
  require(router->find("PUT", input).endpoint == nullptr, "another verb leads nowhere");
}

COFFER_FUZZ(dapr_path) {
  const std::string clean = net::dapr::clean_path(input);
  require(net::dapr::clean_path(clean) == clean, "a clean path is clean");
  require(clean.find("//") == std::string::npos, "without empty segments");
  require(count(clean + "/", "/../") == 0 && count(clean + "/", "/./") == 0, "without dots");
  const auto version = net::dapr::read_version(input);
  if (version)
    require(*version != 0 || input.find_first_not_of('0') == std::string_view::npos, "a version is its number");
}

COFFER_FUZZ(go_json) {
  std::string text;
  net::dapr::append_go_string(&text, input);
  boost::system::error_code ec;
  const json::value read = json::parse(text, ec);
  require(!ec && read.is_string(), "Go's JSON is JSON");
  if (model::is_valid_utf8(input)) {
    require(std::string_view(read.get_string().data(), read.get_string().size()) == input,
            "and says what it was made of");
  }
  for (const char raw : {'<', '>', '&'}) require(text.find(raw) == std::string::npos, "HTML's signs are escaped");
  const std::string quoted = net::dapr::go_quote(input);
  require(quoted.size() >= 2 && quoted.front() == '"' && quoted.back() == '"', "a quotation has its quotes");
  for (const unsigned char c : quoted) require(c >= 0x20, "and is one line");
}

// The first byte chooses the operation.
COFFER_FUZZ(tapis_body) {
  Input in(input);
  const std::uint8_t choice = in.byte();
  net::tapis::Problems problems;
  const auto body = net::tapis::read_object(in.rest(), {}, problems);
  require(body.has_value() == problems.empty(), "no object, and a reason");
  if (!body) return;
  const model::Limits limits;
  if (choice % 4 == 0) {
    const auto put = net::tapis::read_new_secret(*body, problems);
    require(put.has_value() == problems.empty(), "no secret, and a reason");
    if (!put) return;
    require(net::tapis::is_secret_id(put->name) && put->description->size() <= 500, "what is let in follows the rules");
    const auto status = model::check_operation(*put, limits);
    require(status.ok() || status.error().code == model::Code::too_large || !put->attributes.at("pod_id").empty(),
            "the shard finds nothing that the door should have");
  } else if (choice % 4 == 1) {
    const auto update = net::tapis::read_update(*body, problems);
    require(update.has_value() == problems.empty(), "no update, and a reason");
  } else if (choice % 4 == 2) {
    const auto update = net::tapis::read_permission(*body, problems);
    require(update.has_value() == problems.empty(), "no permission, and a reason");
    if (update) require(!update->subject.ends_with('*'), "a subject is no pattern");
  } else {
    auto request = net::tapis::read_render(*body, problems);
    require(request.notes.empty() || !problems.empty(), "what is wrong with a map is a problem");
    if (!problems.empty() && request.notes.empty()) return;
    const auto ask = net::tapis::ask_render(std::move(request), "bob");
    const auto* batch = std::get_if<model::BatchGet>(&ask);
    require(model::check_operation(ask, limits).ok() || batch != nullptr, "it can be asked");
    if (batch == nullptr) return;
    require(batch->acting_for == "bob", "for whom");
    for (const model::RenderNote& note : batch->notes) {
      require(note.item <= batch->items.size(), "a token stands for a secret that is asked for");
      require(note.details.starts_with("env_var=") && note.details.find_first_of("\n\"") == std::string::npos,
              "and is described by words");
    }
  }
}

// Lines "key=value" of a secret_map, an empty one, lines of an environment; the rest is a file.
COFFER_FUZZ(render) {
  constexpr std::string_view kValue = "<v${pods:secrets:A}v>";
  Input in(input);
  model::RenderInput given;
  const auto flags = in.byte();
  given.any_owner = (flags & 1) != 0;
  given.native = (flags & 2) != 0;
  given.actor = (in.byte() & 1) != 0 ? "alice" : "";
  given.pod_id = "pod";
  given.networks["default"] = {"x.pods.y", "443", "https"};
  given.stack_secrets["K"] = std::string(kValue);
  std::size_t bytes = input.size();
  for (std::string_view line = in.line(); !line.empty() && given.secret_map.size() < 100; line = in.line()) {
    const std::size_t equals = std::min(line.find('='), line.size());
    given.secret_map.emplace_back(line.substr(0, equals),
                                  model::Secret(line.substr(std::min(equals + 1, line.size()))));
  }
  for (std::string_view line = in.line(); !line.empty() && given.environment.size() < 100; line = in.line()) {
    given.environment.emplace_back("E", model::Secret(line));
  }
  given.files.emplace_back("/f", model::Secret(in.rest()));
  std::size_t asked = 0, made = 0;
  const auto output = model::render(given, {[&](std::string_view, std::string_view id) -> model::Result<model::Secret> {
                                              ++asked;
                                              if (id.starts_with('x')) return model::Code::entry_not_found;
                                              return model::Secret(kValue);
                                            },
                                            [&](std::size_t length) {
                                              ++made;
                                              return std::string(length, 'r');
                                            }});
  require(asked + made <= given.secret_map.size(), "a value of the map asks once");
  require(output.secret_map.size() == given.secret_map.size() &&
              output.environment.size() == given.environment.size() && output.files.size() == given.files.size(),
          "nothing is lost");
  require(output.looked <= 16 * input.size() + 1024, "the work is linear");
  require(output.problems.size() <= 1000 && output.warnings.size() <= 1000, "what is told is bounded");
  // One pass: every token of the input is put in at most once, each with at most the longest value of the map.
  std::size_t longest = 200;
  for (const auto& [key, value] : given.secret_map) longest = std::max(longest, value.size() + 200);
  std::size_t tokens = 0, out = 0;
  for (const auto* texts : {&given.environment, &given.files}) {
    for (const auto& [name, value] : *texts) tokens += count(value.expose(), "${");
  }
  for (const auto* texts : {&output.environment, &output.files}) {
    for (const auto& [name, value] : *texts) out += value.size();
  }
  require(out <= bytes + tokens * (longest + given.secret_map.size() * 200), "what was put in is not looked at again");
  for (const auto& problem : output.problems) require(problem.pattern.size() <= 200, "a pattern is shortened");
}

}  // namespace coffer::fuzz
