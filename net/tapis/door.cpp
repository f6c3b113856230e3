// See door.hpp. routes.cpp has the operations.

#include "net/tapis/door.hpp"

#include "net/tapis/envelope.hpp"
#include "net/tapis/routes.hpp"

namespace coffer::net {
namespace {

class TapisDoor final : public Door {
 public:
  TapisDoor(const Doors& settings, actors::Gateway& gateway)
      : setting_{
            tapis::Access(settings, gateway), {settings.version, settings.tapis_auth_400}, settings.dev, &gateway} {}

  std::string_view name() const override { return "tapis"; }
  std::vector<Method> methods() override { return {}; }
  std::vector<HttpRoute> routes() override { return tapis::make_routes(setting_); }
  std::vector<std::string> path_prefixes() const override { return {"/pods/", "/v3/pods/"}; }
  WireStatus http_failure(const model::Error& error, std::string_view) const override {
    // A list of texts is about a body that was read, with status 400; this has a status of its own (413, 431).
    if (error.category() == model::Category::invalid_argument)
      return tapis::failure(setting_.style, 400, error.message());
    return tapis::failure(setting_.style, error, {});
  }
  /// Repeated slashes count as one. Upstream redirects to the path without them.
  std::optional<std::string> clean_path(std::string_view raw) const override {
    if (raw.find("//") == std::string_view::npos) return std::nullopt;
    std::string clean;
    for (const char c : raw) {
      if (c != '/' || !clean.ends_with('/')) clean.push_back(c);
    }
    return clean;
  }

 private:
  const tapis::Setting setting_;
};

}  // namespace

std::unique_ptr<Door> make_tapis_door(const Doors& settings, actors::Gateway& gateway) {
  return std::make_unique<TapisDoor>(settings, gateway);
}

}  // namespace coffer::net
