// The one list of doors (net/server.hpp): a new door is a folder of net/ and a line here. Called by the composition root
// before the listeners start.

#include <chrono>

#include "net/admin/door.hpp"
#include "net/cloudforet/door.hpp"
#include "net/dapr/door.hpp"
#include "net/direktiv/door.hpp"
#include "net/native/door.hpp"
#include "net/server.hpp"
#include "net/tapis/door.hpp"

namespace coffer::net {

model::Result<Cloudforet> make_cloudforet(const Doors& settings, actors::Gateway& gateway) {
  std::shared_ptr<const cloudforet::Encryption> encryption;
  if (settings.cloudforet.scheme != CloudforetScheme::none) {
    auto loaded = cloudforet::Encryption::load(settings.cloudforet);
    if (!loaded) return loaded.error();
    encryption = std::move(*loaded);
  }
  return Cloudforet{make_cloudforet_door(settings, gateway, false, encryption),
                    make_cloudforet_door(settings, gateway, true, encryption)};
}

std::vector<std::unique_ptr<Door>> make_doors(const Doors& settings, actors::Gateway& gateway) {
  std::vector<std::unique_ptr<Door>> doors;
  doors.push_back(make_native_door(settings, gateway));
  doors.push_back(make_direktiv_door(settings, gateway));
  doors.push_back(make_dapr_door(settings, gateway));
  doors.push_back(make_tapis_door(settings, gateway));
  return doors;
}

std::unique_ptr<Door> make_admin_door(const Doors& settings, actors::Gateway& gateway, const Metrics& metrics) {
  const auto clock = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  return make_admin_door(settings, gateway, clock, [&metrics] { return metrics.text(); });
}

}  // namespace coffer::net
