#pragma once
// The descriptors of Cloudforet's two generations as protoc wrote them (google.protobuf.FileDescriptorSet, with imports),
// carried by the program: see proto/CMakeLists.txt. Constant; any thread after static initialization.

#include <string_view>

namespace coffer::proto {

extern const std::string_view cloudforet_1_12;
extern const std::string_view cloudforet_2_x;

}  // namespace coffer::proto
