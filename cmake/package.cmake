# What `cmake --install` and CPack put where, for a Debian package (`./dev deb`). The dependencies are those that
# dpkg-shlibdeps finds in the binary; the manual pages are the binary's own (`coffer man`).

include(GNUInstallDirs)

install(TARGETS coffer RUNTIME DESTINATION bin)
install(FILES deploy/systemd/coffer.service DESTINATION lib/systemd/system)
install(FILES README.md CHANGELOG.md app/coffer.example.toml DESTINATION share/doc/coffer)
install(FILES LICENSE DESTINATION share/doc/coffer RENAME copyright)
# The example, but that the data are where the unit may write, whoever starts the command and wherever.
file(READ app/coffer.example.toml packaged_settings)
string(REPLACE "#data = \"./coffer-data\"" "data = \"/var/lib/coffer/data\"" packaged_settings "${packaged_settings}")
file(WRITE ${PROJECT_BINARY_DIR}/packaged/coffer.toml "${packaged_settings}")
install(FILES ${PROJECT_BINARY_DIR}/packaged/coffer.toml DESTINATION /etc/coffer PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(CODE "
  file(REMOVE_RECURSE \"${PROJECT_BINARY_DIR}/man\")
  file(MAKE_DIRECTORY \"${PROJECT_BINARY_DIR}/man\")
  execute_process(COMMAND \"${PROJECT_BINARY_DIR}/coffer\" man \"${PROJECT_BINARY_DIR}/man\" COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB pages \"${PROJECT_BINARY_DIR}/man/*.1\")
  foreach(page IN LISTS pages)
    execute_process(COMMAND gzip -9nf \"\${page}\" COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  file(GLOB pages \"${PROJECT_BINARY_DIR}/man/*.1.gz\")
  file(INSTALL \${pages} DESTINATION \"\${CMAKE_INSTALL_PREFIX}/share/man/man1\")
  execute_process(COMMAND \"${PROJECT_BINARY_DIR}/coffer\" completion bash
                  OUTPUT_FILE \"${PROJECT_BINARY_DIR}/man/coffer\" COMMAND_ERROR_IS_FATAL ANY)
  file(INSTALL \"${PROJECT_BINARY_DIR}/man/coffer\"
       DESTINATION \"\${CMAKE_INSTALL_PREFIX}/share/bash-completion/completions\")
")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME coffer)
set(CPACK_PACKAGE_CONTACT "The Coffer project <coffer@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "clustered multi-tenant secrets service")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/deploy/debian/postinst"
    "${PROJECT_SOURCE_DIR}/deploy/debian/prerm" "${PROJECT_SOURCE_DIR}/deploy/debian/postrm"
    "${PROJECT_SOURCE_DIR}/deploy/debian/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
