# Whether the compiler has C++20 coroutines, which client/coroutine.hpp needs: the variable
# PERSONALIZE_EVENTS_HAS_COROUTINES. Our own examples and tests ask.
include(CheckCXXSourceCompiles)

function(personalize_events_check_coroutines)
  if(NOT CMAKE_CXX_STANDARD OR CMAKE_CXX_STANDARD LESS 20)
    set(CMAKE_CXX_STANDARD 20)
  endif()
  check_cxx_source_compiles(
    "#include <coroutine>
    #if !defined(__cpp_impl_coroutine)
    #error no coroutines
    #endif
    int main() { return std::coroutine_handle<>{} ? 1 : 0; }"
    PERSONALIZE_EVENTS_HAS_COROUTINES)
endfunction()

personalize_events_check_coroutines()
