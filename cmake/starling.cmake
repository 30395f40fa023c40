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
    # What is tested is optimized; the tests themselves cost most of a build's time if they are.
    target_compile_options(${name}_test PRIVATE -O0 -U_FORTIFY_SOURCE)
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
  target_link_libraries(fuzz_${name} PRIVATE ${ARG_DEPS})
  if(STARLING_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_test(NAME fuzz-seeds.${name}
             COMMAND fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/seeds/${name})
    set_tests_properties(fuzz-seeds.${name} PROPERTIES LABELS fuzz-seeds TIMEOUT 300)
  endif()
endfunction()
