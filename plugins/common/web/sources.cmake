# SPDX-License-Identifier: Apache-2.0
# The sources of the HTTP client for a plugin below plugins/: include() it, then SOURCES … ${SLUICE_WEB_SOURCES}.
set(SLUICE_WEB_SOURCES)
foreach(file client host hostrobots transfer request judge record retry store)
  list(APPEND SLUICE_WEB_SOURCES ${CMAKE_SOURCE_DIR}/plugins/common/web/${file}.c)
endforeach()
foreach(file weburl weburl_host weburl_canon webaddr robots sha256)
  list(APPEND SLUICE_WEB_SOURCES ${CMAKE_SOURCE_DIR}/plugins/common/${file}.c)
endforeach()
