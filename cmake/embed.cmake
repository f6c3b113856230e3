# A file as bytes in the program: cmake -DINPUT=.. -DOUTPUT=.. -DNAME=.. -P embed.cmake makes a source with
# coffer::proto::NAME, a std::string_view (declared in proto/public/cloudforet/descriptors.hpp).
file(READ ${INPUT} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
file(WRITE ${OUTPUT} "#include <string_view>
namespace coffer::proto {
extern const std::string_view ${NAME};
static const char bytes[] = {${bytes}};
const std::string_view ${NAME}(bytes, sizeof bytes);
}
")
