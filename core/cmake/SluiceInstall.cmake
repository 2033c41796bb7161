# SPDX-License-Identifier: Apache-2.0
# What an installation has beside the program and the plugins: headers, harness, CMake package, pkg-config file.
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Sluice)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/SluiceConfig.cmake.in ${CMAKE_BINARY_DIR}/SluiceConfig.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/SluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
configure_file(${CMAKE_CURRENT_LIST_DIR}/sluice.pc.in ${CMAKE_BINARY_DIR}/sluice.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/SluiceConfig.cmake ${CMAKE_BINARY_DIR}/SluiceConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/SluicePlugin.cmake ${CMAKE_CURRENT_LIST_DIR}/plugin.map ${CMAKE_CURRENT_LIST_DIR}/embed.c.in
  DESTINATION ${package})
install(FILES ${CMAKE_BINARY_DIR}/sluice.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET sluice_harness)
  install(TARGETS sluice_harness ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
