# starling_precompiled(TARGET [test])
#
# Gives the target, or the unit test, what nearly every file includes of others' headers, parsed
# once: a third of a cold build's time. Files name what they use all the same; a build with
# STARLING_PRECOMPILED=OFF, as `./x fuzz` makes it, fails if one does not.
option(STARLING_PRECOMPILED "Parse others' headers once for all files" ON)
set(starling_headers
  <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <coroutine> <cstdint> <deque>
  <expected> <filesystem> <fstream> <functional> <future> <iostream> <map> <memory> <mutex>
  <optional> <random> <ranges> <set> <span> <sstream> <string> <string_view> <thread>
  <unordered_map> <unordered_set> <utility> <variant> <vector>
  <boost/container/deque.hpp> <boost/container/small_vector.hpp>
  <boost/smart_ptr/intrusive_ptr.hpp> <boost/unordered/unordered_flat_map.hpp>
  <nlohmann/json.hpp> <spdlog/fmt/fmt.h> <yaml-cpp/yaml.h>)
function(starling_precompiled target)
  if(NOT STARLING_PRECOMPILED)
    return()
  endif()
  set(holder starling_headers)
  if("test" IN_LIST ARGN)
    set(holder starling_test_headers)
  endif()
  if(NOT TARGET ${holder})
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/${holder}.cc CONTENT "")
    add_library(${holder} OBJECT ${CMAKE_BINARY_DIR}/${holder}.cc)
    target_link_libraries(${holder} Boost::headers Threads::Threads nlohmann_json::nlohmann_json
                          spdlog::spdlog yaml-cpp)
    target_precompile_headers(${holder} PRIVATE ${starling_headers})
    # The same input gives the same file, so that ccache knows it again.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      target_compile_options(${holder} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    endif()
    if("test" IN_LIST ARGN)
      target_link_libraries(${holder} GTest::gmock GTest::gtest)
      target_precompile_headers(${holder} PRIVATE <gmock/gmock.h> <gtest/gtest.h>)
      target_compile_options(${holder} PRIVATE ${starling_test_options})
    endif()
  endif()
  target_precompile_headers(${target} REUSE_FROM ${holder})
endfunction()

# What is tested is optimized; the tests themselves cost most of a build's time if they are.
set(starling_test_options -O0 -U_FORTIFY_SOURCE)

# starling_library(NAME [DEPS targets...])
#
# One target per folder of src: every .cc of the folder, minus *_test.cc, which become the
# folder's unit test binary NAME_test. DEPS are the folder's allowed lower layers and libraries:
# what is not named here cannot be linked, so the build enforces src/LAYERS.
function(starling_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;TEST_DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(starling_${name} STATIC ${sources})
    starling_precompiled(starling_${name})
    set(scope PUBLIC)
  else()
    add_library(starling_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(starling_${name} ${scope} ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(starling_${name} ${scope} ${ARG_DEPS})
  if(tests AND STARLING_TESTS AND NOT STARLING_FUZZ)
    find_package(GTest REQUIRED)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE starling_${name} ${ARG_TEST_DEPS} GTest::gtest GTest::gmock
                          GTest::gtest_main)
    target_compile_options(${name}_test PRIVATE ${starling_test_options})
    starling_precompiled(${name}_test test)
    target_compile_definitions(${name}_test PRIVATE STARLING_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME unit.${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 300)
  endif()
endfunction()

# starling_fuzz_target(NAME DEPS targets...)
#
# fuzz/NAME.cc with LLVMFuzzerTestOneInput. With STARLING_FUZZ it is a libFuzzer binary; without,
# it is linked to a driver that replays fuzz/seeds/NAME/*, and CTest runs that in every build.
function(starling_fuzz_target name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  set(sources ${CMAKE_CURRENT_SOURCE_DIR}/${name}.cc)
  if(NOT STARLING_FUZZ)
    list(APPEND sources ${CMAKE_CURRENT_SOURCE_DIR}/replay_main.cc)
  endif()
  add_executable(fuzz_${name} ${sources})
  starling_precompiled(fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPS})
  if(STARLING_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_test(NAME fuzz-seeds.${name}
             COMMAND fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/seeds/${name})
    set_tests_properties(fuzz-seeds.${name} PROPERTIES LABELS fuzz-seeds TIMEOUT 300)
  endif()
endfunction()
