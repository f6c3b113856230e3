#pragma once
// Paths to endpoints. Patterns are matched on the raw path segment by segment and decoded afterwards, so %2F within a
// variable works; a literal segment wins over a variable; "{name}:verb" takes what is behind the last ':' of the last
// segment (a ':' of the name itself is written %3A where verbs exist). Built on main's thread, then constant.

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.hpp"

namespace coffer::net::http {

class Endpoint;

class Router {
 public:
  Router();
  ~Router();
  /// Errors: invalid_argument that names the pattern: not of the form above, or taken.
  model::Status add(std::string_view method, std::string_view pattern, const Endpoint* endpoint);

  struct Match {
    const Endpoint* endpoint = nullptr;                                    // null: none, or not with this method
    std::vector<std::pair<std::string_view, std::string_view>> variables;  // name and raw value
    std::string allow;                                                     // of a known path: its methods
  };
  /// HEAD is served by GET's endpoint unless it has its own.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Leaf;
  struct Node;
  class Search;
  std::unique_ptr<Node> root_;
};

}  // namespace coffer::net::http
