# starling_pages(NAME...)
#
# The pages of web/NAME, built by npm and kept compressed in the program: the library starling_pages
# with src/http/pages.h's http::StaticFile tables. Needs Node 18 or newer.
function(starling_pages)
  find_program(NODE node REQUIRED)
  find_program(NPM npm REQUIRED)
  set(embed ${PROJECT_SOURCE_DIR}/cmake/embed_pages.mjs)
  foreach(name ${ARGN})
    set(source ${PROJECT_SOURCE_DIR}/web/${name})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${source}/*)
    list(FILTER files EXCLUDE REGEX "/(node_modules|dist)/")
    set(table ${CMAKE_BINARY_DIR}/pages/${name}.cc)
    add_custom_command(
      OUTPUT ${table}
      COMMAND ${NODE} ${embed} ${name} ${source} ${PROJECT_SOURCE_DIR}/build/pages/${name} ${table}
      DEPENDS ${files} ${embed}
      COMMENT "Pages of web/${name}"
      VERBATIM)
    list(APPEND tables ${table})
  endforeach()
  add_library(starling_pages STATIC ${tables})
  target_link_libraries(starling_pages PUBLIC starling_http)
endfunction()
