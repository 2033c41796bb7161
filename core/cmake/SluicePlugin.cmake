# SPDX-License-Identifier: Apache-2.0
# How a plugin is built, in the tree of Sluice and, installed, out of it (SluiceConfig.cmake includes it).
#
# sluice_plugin(NAME x SOURCES a.c b.c [LIBS PkgConfig::FOO …] [PKG libxml-2.0 …] [DATA file …] [EMBED file …] [DEFS …])
#
# Builds x.so from the sources of the folder, and x_test from x_test.c if there is one (linked to the harness). PKG names
# pkg-config modules; where one is missing the plugin is skipped and said so. DATA files are installed beside it. EMBED
# files become part of the plugin: `data/vi.bin` is `extern const unsigned char embed_vi_bin[], embed_vi_bin_end[]`.
#
# Where the conformance program is installed, it runs over the plugin, too: conformance_x. Parameters that it cannot guess are
# taken from testdata/<type>.yaml.
#
# sluice_stage_test(NAME x SOURCES x_test.c [LIBS …] [DEFS …]): a further test program over the harness, run by ctest.
set(SLUICE_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# Set by SluiceConfig.cmake before: what a plugin links, where it is built, where it is installed, the harness.
if(NOT SLUICE_PLUGIN_LINK)
  set(SLUICE_PLUGIN_LINK sluice_flags)
  set(SLUICE_PLUGIN_OUTPUT ${CMAKE_BINARY_DIR}/plugins-bin)
  set(SLUICE_PLUGIN_INSTALL ${CMAKE_INSTALL_LIBDIR}/sluice)
  set(SLUICE_HARNESS sluice_harness)
endif()

function(sluice_plugin)
  cmake_parse_arguments(P "" "NAME" "SOURCES;LIBS;PKG;DATA;EMBED;DEFS" ${ARGN})
  set(libs ${P_LIBS})
  foreach(module ${P_PKG})
    string(MAKE_C_IDENTIFIER "PKG_${module}" id)
    pkg_check_modules(${id} QUIET IMPORTED_TARGET ${module})
    if(NOT ${id}_FOUND)
      message(STATUS "Plugin ${P_NAME} is skipped: pkg-config does not find ${module}")
      return()
    endif()
    list(APPEND libs PkgConfig::${id})
  endforeach()
  set(embedded)
  foreach(embed_file ${P_EMBED})
    get_filename_component(embed_path ${embed_file} ABSOLUTE)
    get_filename_component(embed_name ${embed_file} NAME)
    string(MAKE_C_IDENTIFIER "embed_${embed_name}" embed_id)
    set(embed_c ${CMAKE_CURRENT_BINARY_DIR}/${embed_id}.c)
    configure_file(${SLUICE_CMAKE_DIR}/embed.c.in ${embed_c} @ONLY)
    set_source_files_properties(${embed_c} PROPERTIES OBJECT_DEPENDS ${embed_path})
    list(APPEND embedded ${embed_c})
  endforeach()
  add_library(${P_NAME}_objects OBJECT ${P_SOURCES} ${embedded})
  target_link_libraries(${P_NAME}_objects PUBLIC ${SLUICE_PLUGIN_LINK} ${libs})
  target_include_directories(${P_NAME}_objects PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  if(PROJECT_NAME STREQUAL "sluice" AND IS_DIRECTORY ${CMAKE_SOURCE_DIR}/plugins/common)
    target_include_directories(${P_NAME}_objects PUBLIC ${CMAKE_SOURCE_DIR}/plugins/common)
    # A plugin may compile sources of core/base that need nothing but the C library (http_parse).
    if("${P_SOURCES}" MATCHES "/core/base/")
      target_include_directories(${P_NAME}_objects PUBLIC ${CMAKE_SOURCE_DIR}/core)
    endif()
  endif()
  target_compile_definitions(${P_NAME}_objects PUBLIC ${P_DEFS})
  set_target_properties(${P_NAME}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
  add_library(${P_NAME}_plugin MODULE)
  target_link_libraries(${P_NAME}_plugin PRIVATE ${P_NAME}_objects m)
  set_target_properties(${P_NAME}_plugin PROPERTIES PREFIX "" SUFFIX ".so" OUTPUT_NAME ${P_NAME}
    LIBRARY_OUTPUT_DIRECTORY ${SLUICE_PLUGIN_OUTPUT} LINK_DEPENDS ${SLUICE_CMAKE_DIR}/plugin.map)
  # One symbol goes out, none is left open, nothing is needed that is not used; the build id makes it known again.
  target_link_options(${P_NAME}_plugin PRIVATE -Wl,--build-id=sha1 -Wl,--as-needed
    -Wl,--version-script=${SLUICE_CMAKE_DIR}/plugin.map)
  if(NOT SLUICE_SANITIZE)
    target_link_options(${P_NAME}_plugin PRIVATE -Wl,-z,defs)
  endif()
  install(TARGETS ${P_NAME}_plugin LIBRARY DESTINATION ${SLUICE_PLUGIN_INSTALL})
  foreach(file ${P_DATA})
    configure_file(${file} ${SLUICE_PLUGIN_OUTPUT}/${P_NAME}/${file} COPYONLY)
    install(FILES ${file} DESTINATION ${SLUICE_PLUGIN_INSTALL}/${P_NAME})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY SLUICE_PLUGIN_NAMES ${P_NAME})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${P_NAME}_test.c)
    sluice_stage_test(NAME ${P_NAME} SOURCES ${P_NAME}_test.c)
  endif()
  if(SLUICE_CONFORMANCE AND (NOT DEFINED BUILD_TESTING OR BUILD_TESTING))
    add_test(NAME conformance_${P_NAME}
      COMMAND ${SLUICE_CONFORMANCE} $<TARGET_FILE:${P_NAME}_plugin> ${CMAKE_CURRENT_SOURCE_DIR}/testdata)
    set_tests_properties(conformance_${P_NAME} PROPERTIES TIMEOUT 300 LABELS "conformance")
  endif()
endfunction()

function(sluice_stage_test)
  cmake_parse_arguments(T "" "NAME" "SOURCES;LIBS;DEFS" ${ARGN})
  list(GET T_SOURCES 0 first)
  get_filename_component(test ${first} NAME_WE)
  if(NOT TARGET ${SLUICE_HARNESS} OR (DEFINED SLUICE_TESTS AND NOT SLUICE_TESTS) OR (DEFINED BUILD_TESTING AND NOT BUILD_TESTING))
    return()
  endif()
  pkg_check_modules(CMOCKA QUIET IMPORTED_TARGET cmocka)
  if(NOT CMOCKA_FOUND)
    message(STATUS "${test} is skipped: pkg-config does not find cmocka")
    return()
  endif()
  set(target test_plugin_${test})
  if(test STREQUAL "${T_NAME}_test")
    set(target test_plugin_${T_NAME})
  endif()
  add_executable(${target} ${T_SOURCES})
  target_link_libraries(${target} PRIVATE ${T_NAME}_objects ${SLUICE_HARNESS} ${T_LIBS} PkgConfig::CMOCKA)
  target_compile_definitions(${target} PRIVATE TESTDATA="${CMAKE_CURRENT_SOURCE_DIR}/testdata" ${T_DEFS})
  string(REPLACE "test_plugin_" "plugin_" ctest_name ${target})
  add_test(NAME ${ctest_name} COMMAND ${target})
  # A guard against a hang, wide enough for a sanitizer on a busy machine.
  set(limit 300)
  if(SLUICE_SANITIZE)
    set(limit 1800)
  endif()
  set_tests_properties(${ctest_name} PROPERTIES TIMEOUT ${limit} LABELS "unit")
endfunction()
