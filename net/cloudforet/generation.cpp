// See generation.hpp.

#include "net/cloudforet/generation.hpp"

#include <cstdlib>

#include <google/protobuf/descriptor.pb.h>

#include "google/api/annotations.pb.h"
#include "proto/public/cloudforet/descriptors.hpp"

namespace coffer::net::cloudforet {

Generation::Generation(std::string_view descriptors, bool is_older) : factory_(&pool_), is_older_(is_older) {
  // The HTTP annotations are read as what the program knows of google.api.http, so that must be linked in.
  google::api::http.number();
  google::protobuf::FileDescriptorSet set;
  // They come with the program: what does not fit was built wrongly, and no request could be served.
  if (!set.ParseFromArray(descriptors.data(), static_cast<int>(descriptors.size()))) std::abort();
  for (const auto& file : set.file()) {
    if (pool_.BuildFile(file) == nullptr) std::abort();
  }
}

const Generation& Generation::older() {
  static const Generation generation(proto::cloudforet_1_12, true);
  return generation;
}

const Generation& Generation::newer() {
  static const Generation generation(proto::cloudforet_2_x, false);
  return generation;
}

}  // namespace coffer::net::cloudforet
