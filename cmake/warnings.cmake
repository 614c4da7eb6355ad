# The warnings that our own tests and examples are compiled with, as errors. Private to them: no
# flag reaches a consumer.
add_library(personalize_events_warnings INTERFACE)
target_compile_options(
  personalize_events_warnings
  INTERFACE
    $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wsign-conversion;-Wshadow;-Wold-style-cast;-Wnon-virtual-dtor;-Woverloaded-virtual;-Wnull-dereference;-Wdouble-promotion;-Wformat=2;-Wundef;-Wcast-align;-Wextra-semi;-Werror>
)
