/* What must hold for zmq.h in C and in C++: every constant by its number, every
 * prototype by its type, every structure by its layout. The includer defines
 * HAS_TYPE(function, result, arguments). Everything but the last two functions
 * fails at compile time. */
#ifndef TEST_HEADER_CHECKS_H
#define TEST_HEADER_CHECKS_H

#include <string.h>

#ifdef ZMQ_EXPORT
#error "ZMQ_EXPORT is left behind"
#endif
#ifndef ZMQ_HAVE_TIMERS
#error "ZMQ_HAVE_TIMERS is missing"
#endif
#if defined(ZMQ_BUILD_DRAFT_API) != defined(ZMQ_HAVE_POLLER) ||                \
    defined(ZMQ_BUILD_DRAFT_API) != defined(ZMQ_SERVER)
#error "drafts are there exactly when asked for"
#endif

#define CONSTANT(name, number) static_assert((name) == (number), #name);
#define FUNCTION(result, name, arguments)                                      \
  static_assert(HAS_TYPE(name, result, arguments), #name);
#include "stable.def"
#ifdef ZMQ_BUILD_DRAFT_API
#include "draft.def"
#endif
#undef CONSTANT
#undef FUNCTION

static_assert(ZMQ_MAKE_VERSION(1, 2, 3) == 10203, "ZMQ_MAKE_VERSION");
static_assert(ZMQ_VERSION == 40300 + ZMQ_VERSION_PATCH, "ZMQ_VERSION");
/* the same checks run against another libzmq's header */
#ifndef TEST_FOREIGN_HEADER
static_assert(ZMQ_VERSION_PATCH == 5, "ZMQ_VERSION_PATCH");
#endif

/* errno.h or the header itself has these. */
static_assert(ENOTSUP > 0 && EPROTONOSUPPORT > 0 && ENOBUFS > 0 &&
                  ENETDOWN > 0 && EADDRINUSE > 0 && EADDRNOTAVAIL > 0 &&
                  ECONNREFUSED > 0 && EINPROGRESS > 0 && ENOTSOCK > 0 &&
                  EMSGSIZE > 0 && EAFNOSUPPORT > 0 && ENETUNREACH > 0 &&
                  ECONNABORTED > 0 && ECONNRESET > 0 && ENOTCONN > 0 &&
                  ETIMEDOUT > 0 && EHOSTUNREACH > 0 && ENETRESET > 0,
              "errno");

static_assert(sizeof(zmq_msg_t) == 64, "zmq_msg_t");
static_assert(sizeof(struct zmq_msg_t) == 64, "struct zmq_msg_t");
static_assert(alignof(zmq_msg_t) == alignof(void *), "zmq_msg_t");

static_assert(sizeof(zmq_fd_t) == sizeof(int), "zmq_fd_t");
static_assert(offsetof(zmq_pollitem_t, socket) == 0, "socket");
static_assert(offsetof(zmq_pollitem_t, fd) == sizeof(void *), "fd");
static_assert(offsetof(zmq_pollitem_t, events) == sizeof(void *) + 4, "events");
static_assert(offsetof(zmq_pollitem_t, revents) == sizeof(void *) + 6,
              "revents");
static_assert(sizeof(struct zmq_pollitem_t) == sizeof(void *) + 8,
              "zmq_pollitem_t");

#ifdef ZMQ_BUILD_DRAFT_API
static_assert(offsetof(zmq_poller_event_t, socket) == 0, "socket");
static_assert(offsetof(zmq_poller_event_t, fd) == sizeof(void *), "fd");
static_assert(offsetof(zmq_poller_event_t, user_data) == 2 * sizeof(void *),
              "user_data");
static_assert(offsetof(zmq_poller_event_t, events) == 3 * sizeof(void *),
              "events");
static_assert(sizeof(struct zmq_poller_event_t) == 4 * sizeof(void *),
              "zmq_poller_event_t");
#endif

/* Programs ask with #ifdef: a constant that expands to itself is none. */
static inline int test_count_no_macros(void) {
  int count = 0;
#define EXPANDED(name) #name
#define CONSTANT(name, number) count += strcmp(#name, EXPANDED(name)) == 0;
#define FUNCTION(result, name, arguments)
#include "stable.def"
#ifdef ZMQ_BUILD_DRAFT_API
#include "draft.def"
  count += strcmp(ZMQ_MSG_PROPERTY_ROUTING_ID, "Routing-Id") != 0;
  count += strcmp(ZMQ_MSG_PROPERTY_SOCKET_TYPE, "Socket-Type") != 0;
  count += strcmp(ZMQ_MSG_PROPERTY_USER_ID, "User-Id") != 0;
  count += strcmp(ZMQ_MSG_PROPERTY_PEER_ADDRESS, "Peer-Address") != 0;
#endif
#undef CONSTANT
#undef FUNCTION
#undef EXPANDED
  return count;
}

/* Takes the address of every stable function, so that the linker must find it,
 * and returns how many there are. */
static inline int test_count_functions(void) {
  int count = 0;
#define CONSTANT(name, number)
#define FUNCTION(result, name, arguments)                                      \
  {                                                                            \
    result(*volatile function) arguments = name;                               \
    count += function != NULL;                                                 \
  }
#include "stable.def"
#undef CONSTANT
#undef FUNCTION
  return count;
}

#endif
