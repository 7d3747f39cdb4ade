/* Uses all of zmq.h from C++. Fails to compile where something differs. */
struct zmq_msg_t; /* C++ programs declare it before they include the header */
#include <zmq.h>

#include <type_traits>

#define HAS_TYPE(name, result, arguments)                                      \
  (std::is_same<decltype(&name), result(*) arguments>::value)

#include "checks.h"

int main() {
  if (test_count_no_macros() != 0) {
    return 1;
  }
  return test_count_functions() == 70 ? 0 : 2;
}
