# gRPC, protobuf and Abseil from the static archives of the same -dev packages. A call goes through hundreds of their small
# functions and thread-local variables; from shared libraries each takes the detour of a PLT or of __tls_get_addr, which is
# a fifth of a Get's CPU (ARCHITECTURE.md, "gRPC is linked statically"). OpenSSL stays shared: its fixes must arrive with
# the system's updates.

# Points an imported target, and whatever it links of these projects, to lib<name>.a where the package has one. The
# imported targets are those of the directory that called find_package(), and so is the change.
function(coffer_link_statically target)
  get_target_property(done ${target} COFFER_IS_STATIC)
  if(done)
    return()
  endif()
  set_target_properties(${target} PROPERTIES COFFER_IS_STATIC ON)
  foreach(property IMPORTED_LOCATION IMPORTED_LOCATION_NONE IMPORTED_LOCATION_RELEASE IMPORTED_LOCATION_RELWITHDEBINFO)
    get_target_property(shared ${target} ${property})
    if(shared)
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${shared}")
      if(EXISTS ${archive})
        set_target_properties(${target} PROPERTIES ${property} ${archive})
      endif()
    endif()
  endforeach()
  get_target_property(links ${target} INTERFACE_LINK_LIBRARIES)
  foreach(link IN LISTS links)
    string(REGEX MATCH "(gRPC|protobuf|absl)::[A-Za-z0-9_+-]+" name "${link}")
    if(name AND TARGET ${name})
      coffer_link_statically(${name})
    endif()
  endforeach()
endfunction()
