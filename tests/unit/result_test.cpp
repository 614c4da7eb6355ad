// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/result.hpp"

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::Error;
using pe::ErrorKind;
using pe::Result;

namespace {

Error failure(std::string message = "it failed") {
  return pe::detail::make_error(ErrorKind::Transport, "here", std::move(message));
}

/// Counts how often it is copied and moved.
struct Counted {
  static inline int copies = 0, moves = 0;
  static void reset() { copies = moves = 0; }

  Counted() = default;
  Counted(const Counted&) { ++copies; }
  Counted(Counted&&) noexcept { ++moves; }
  Counted& operator=(const Counted&) {
    ++copies;
    return *this;
  }
  Counted& operator=(Counted&&) noexcept {
    ++moves;
    return *this;
  }
  ~Counted() = default;
};

/// The signal that ends a child process that does `misuse`; 0 when it lives through it.
template <class Misuse>
int signal_of(Misuse misuse) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::signal(SIGABRT, SIG_DFL);  // not Catch2's report
    misuse();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

template <class T>
void use(const T& value) {
  volatile const void* kept = &value;
  static_cast<void>(kept);
}

Result<int> half(int number) {
  if (number % 2 != 0) return failure("odd");
  return number / 2;
}

struct Base {
  int number{7};
};
struct Derived : Base {};
struct Explicit {
  explicit Explicit(int n) : number(n) {}
  int number;
};
struct NoDefault {
  explicit NoDefault(std::string n) : name(std::move(n)) {}
  std::string name;
};

}  // namespace

TEST_CASE("an error kind has its fixed value and its name") {
  const std::pair<ErrorKind, const char*> kinds[] = {
      {ErrorKind::InvalidArgument, "InvalidArgument"},
      {ErrorKind::Configuration, "Configuration"},
      {ErrorKind::Credentials, "Credentials"},
      {ErrorKind::Signing, "Signing"},
      {ErrorKind::Transport, "Transport"},
      {ErrorKind::Timeout, "Timeout"},
      {ErrorKind::Response, "Response"},
      {ErrorKind::Service, "Service"},
      {ErrorKind::Cancelled, "Cancelled"},
      {ErrorKind::Storage, "Storage"},
      {ErrorKind::QueueFull, "QueueFull"},
  };
  int value = 0;
  for (const auto& [kind, name] : kinds) {
    CHECK(static_cast<int>(kind) == ++value);
    CHECK(std::string_view(pe::to_string(kind)) == name);
  }
  CHECK(std::string_view(pe::to_string(ErrorKind{})) == "Unknown");
  CHECK(std::string_view(pe::to_string(static_cast<ErrorKind>(200))) == "Unknown");
  static_assert(std::is_same_v<std::underlying_type_t<ErrorKind>, std::uint8_t>);
}

TEST_CASE("an error begins with everything false and empty") {
  const Error error;
  CHECK_FALSE(error.retryable);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK_FALSE(error.throttled);
  CHECK_FALSE(error.connected);
  CHECK(error.http_status == 0);
  CHECK(error.attempts == 0);
  CHECK((error.code + error.where + error.message + error.request_id).empty());
  const Error made = pe::detail::make_error(ErrorKind::Storage, "w-1/LOCK", "it is held");
  CHECK(made.kind == ErrorKind::Storage);
  CHECK(made.where == "w-1/LOCK");
  CHECK(made.message == "it is held");
}

TEST_CASE("an error is told in one line") {
  CHECK(to_string(pe::detail::make_error(ErrorKind::InvalidArgument, "eventList[0].itemId",
                                         "301 characters, at most 256")) ==
        "InvalidArgument: eventList[0].itemId: 301 characters, at most 256");
  Error service;
  service.kind = ErrorKind::Service;
  service.code = "InvalidInputException";
  service.message = "no such tracker";
  service.http_status = 400;
  CHECK(to_string(service) == "Service: InvalidInputException: no such tracker (HTTP 400)");
  CHECK(to_string(Error{}) == "Unknown");
}

TEST_CASE("a result holds a value") {
  Result<std::string> result = "text";
  REQUIRE(result.has_value());
  CHECK(result);
  CHECK(*result == "text");
  CHECK(result->size() == 4);
  *result += "s";
  CHECK(*std::as_const(result) == "texts");
  CHECK(std::as_const(result)->size() == 5);
  CHECK(result.value_or("other") == "texts");
  const std::string taken = *std::move(result);
  CHECK(taken == "texts");
}

TEST_CASE("a result holds an error") {
  Result<std::string> result = failure();
  REQUIRE_FALSE(result.has_value());
  CHECK_FALSE(result);
  CHECK(result.error().message == "it failed");
  result.error().message = "changed";
  CHECK(std::as_const(result).error().message == "changed");
  CHECK(result.value_or("other") == "other");
  CHECK(std::move(result).value_or("other") == "other");
  const Error taken = std::move(result).error();
  CHECK(taken.message == "changed");
}

TEST_CASE("results of all sorts of values") {
  SECTION("bool") {
    const Result<bool> no = false, yes = true;
    REQUIRE(no.has_value());
    CHECK_FALSE(*no);
    CHECK(*yes);
    CHECK(no.value_or(true) == false);
    CHECK_FALSE(Result<bool>{failure()}.has_value());
  }
  SECTION("a list") {
    Result<std::vector<int>> list = std::vector<int>{1, 2, 3};
    CHECK(list->size() == 3);
    list->push_back(4);
    CHECK((*list)[3] == 4);
  }
  SECTION("a pointer") {
    int number = 3;
    const Result<int*> pointer = &number;
    **pointer = 4;
    CHECK(number == 4);
  }
  SECTION("what only moves") {
    Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
    REQUIRE(result);
    CHECK(**result == 5);
    Result<std::unique_ptr<int>> moved = std::move(result);
    const std::unique_ptr<int> taken = *std::move(moved);
    CHECK(*taken == 5);
    CHECK(*Result<std::unique_ptr<int>>{failure()}.value_or(std::make_unique<int>(6)) == 6);
    static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
    static_assert(std::is_nothrow_move_constructible_v<Result<std::unique_ptr<int>>>);
  }
  SECTION("what has no default") {
    const Result<NoDefault> result = NoDefault{"n"};
    CHECK(result->name == "n");
    static_assert(!std::is_default_constructible_v<Result<NoDefault>>);
  }
}

TEST_CASE("a result is made from what its value is made from, and from nothing else") {
  static_assert(std::is_convertible_v<const char*, Result<std::string>>);
  static_assert(std::is_convertible_v<Derived*, Result<Base*>>);
  static_assert(std::is_convertible_v<Error, Result<std::string>>);
  static_assert(std::is_convertible_v<Error, Result<void>>);
  static_assert(!std::is_convertible_v<int, Result<std::string>>);
  static_assert(!std::is_constructible_v<Result<std::string>, std::vector<int>>);
  static_assert(!std::is_convertible_v<int, Result<Explicit>>);
  static_assert(std::is_constructible_v<Result<Explicit>, int>);
  static_assert(!std::is_convertible_v<Result<int>, bool>);
  static_assert(!std::is_convertible_v<Result<int>, int>);
  static_assert(!std::is_convertible_v<Result<int>, Result<std::string>>);
  static_assert(!std::is_constructible_v<Result<std::string>, Result<int>>);
  static_assert(!std::is_constructible_v<Result<void>, int>);
  static_assert(std::is_same_v<Result<int>::value_type, int>);
  static_assert(std::is_same_v<Result<void>::error_type, Error>);
  CHECK(Result<Explicit> { 5 } -> number == 5);
  CHECK((*Result<Base>{Derived{}}).number == 7);
}

TEST_CASE("whether one result holds a value is never taken for the value of another") {
  // Result<int> has an explicit operator bool, from which a bool could be made.
  CHECK_FALSE(std::is_constructible_v<Result<bool>, Result<int>>);
  CHECK_FALSE(std::is_constructible_v<Result<bool>, Result<void>>);
  CHECK_FALSE(std::is_constructible_v<Result<bool>, const Result<std::string>&>);
}

TEST_CASE("a result without a value is success or an error") {
  Result<void> done;
  CHECK(done.has_value());
  CHECK(done);
  *done;
  done = failure();
  CHECK_FALSE(done);
  CHECK(done.error().kind == ErrorKind::Transport);
  done.error().message = "changed";
  CHECK(std::as_const(done).error().message == "changed");
  const Error taken = std::move(done).error();
  CHECK(taken.message == "changed");
  done = {};
  CHECK(done);
}

TEST_CASE("and_then goes on with a value and passes an error by") {
  CHECK(*half(12).and_then(half) == 3);
  CHECK(half(3).and_then(half).error().message == "odd");
  CHECK(half(6).and_then(half).error().message == "odd");

  const Result<int> twelve = 12;
  CHECK(*twelve.and_then(half) == 6);
  CHECK(twelve.and_then([](int) { return Result<void>{}; }));
  const Result<int> failed = failure();
  bool called = false;
  CHECK(failed
            .and_then([&called](int) {
              called = true;
              return Result<std::string>{"never"};
            })
            .error()
            .where == "here");
  CHECK_FALSE(called);

  CHECK(*Result<void>{}.and_then([] { return Result<int>{4}; }) == 4);
  CHECK(Result<void>{failure()}.and_then([] { return Result<int>{4}; }).error().message ==
        "it failed");
}

TEST_CASE("or_else goes on with an error and passes a value by") {
  const auto mended = [](const Error& error) -> Result<int> {
    return static_cast<int>(error.message.size());
  };
  CHECK(*half(3).or_else(mended) == 3);
  CHECK(*half(4).or_else(mended) == 2);
  const Result<int> failed = failure(), good = 8;
  CHECK(*failed.or_else(mended) == 9);
  CHECK(*good.or_else(mended) == 8);
  CHECK(failed.or_else([](const Error&) -> Result<int> { return failure("again"); })
            .error()
            .message == "again");

  const auto forgiven = [](const Error&) { return Result<void>{}; };
  CHECK(Result<void>{failure()}.or_else(forgiven));
  CHECK(Result<void>{}.or_else([](const Error&) -> Result<void> { return failure(); }));
}

TEST_CASE("transform changes a value and passes an error by") {
  const auto text = [](int number) { return std::to_string(number); };
  const Result<int> good = 8, failed = failure();
  CHECK(*good.transform(text) == "8");
  CHECK(*half(8).transform(text) == "4");
  CHECK(failed.transform(text).error().message == "it failed");
  CHECK(half(3).transform(text).error().message == "odd");
  static_assert(std::is_same_v<decltype(good.transform(text)), Result<std::string>>);

  int seen = 0;
  const auto look = [&seen](int number) { seen += number; };
  static_assert(std::is_same_v<decltype(good.transform(look)), Result<void>>);
  CHECK(good.transform(look));
  CHECK(half(4).transform(look));
  CHECK_FALSE(failed.transform(look));
  CHECK(seen == 10);

  CHECK(*Result<void>{}.transform([] { return 5; }) == 5);
  CHECK(Result<void>{}.transform([] {}));
  CHECK_FALSE(Result<void>{failure()}.transform([] { return 5; }));
}

TEST_CASE("transform_error changes an error and passes a value by") {
  const auto named = [](Error error) {
    error.where = "there";
    return error;
  };
  const Result<int> good = 8, failed = failure();
  CHECK(*good.transform_error(named) == 8);
  CHECK(failed.transform_error(named).error().where == "there");
  CHECK(half(3).transform_error(named).error().where == "there");
  CHECK(*half(8).transform_error(named) == 4);
  CHECK(Result<void>{}.transform_error(named));
  CHECK(Result<void>{failure()}.transform_error(named).error().where == "there");
}

TEST_CASE("functions and members may be passed on, and what moves is moved") {
  struct Named {
    std::string name;
    std::size_t size() const { return name.size(); }
  };
  auto owner = Result<std::unique_ptr<int>>{std::make_unique<int>(3)}.transform(
      [](std::unique_ptr<int>&& pointer) { return std::make_pair(std::move(pointer), 1); });
  REQUIRE(owner);
  CHECK(*owner->first == 3);
  CHECK(*Result<Named>{Named{"ab"}}.transform([](const Named& named) { return named.size(); }) ==
        2);
}

TEST_CASE("a moved result copies nothing on any path") {
  Counted::reset();
  Result<Counted> result{Counted{}};
  Result<Counted> moved = std::move(result);
  moved = Result<Counted>{Counted{}};
  Counted value = *std::move(moved);
  Result<Counted> kept = Result<Counted>{std::move(value)}.or_else(
      [](const Error&) { return Result<Counted>{failure()}; });
  kept = std::move(kept).transform_error([](Error error) { return error; });
  const Counted last =
      std::move(kept)
          .and_then([](Counted&& counted) { return Result<Counted>{std::move(counted)}; })
          .transform([](Counted&& counted) { return std::move(counted); })
          .value_or(Counted{});
  use(last);
  CHECK(Counted::copies == 0);
  CHECK(Counted::moves > 0);

  const Result<Counted> original{Counted{}};
  Counted::reset();
  const Result<Counted> copy = original;
  CHECK(Counted::copies == 1);
  CHECK(original.transform([](const Counted&) { return 1; }));
  CHECK(original.and_then([](const Counted&) { return Result<int>{1}; }));
  CHECK(Counted::copies == 1);
  use(copy);
}

TEST_CASE("copies are independent, and assignment goes from value to error and back") {
  Result<std::string> first = "value";
  Result<std::string> second = first;
  second->append("s");
  CHECK(*first == "value");
  first = failure();
  CHECK_FALSE(first);
  CHECK(second);
  first = second;
  CHECK(*first == "values");
  first = "plain";
  CHECK(*first == "plain");
}

TEST_CASE("misuse ends the program with SIGABRT") {
  CHECK(signal_of([] {}) == 0);
  CHECK(signal_of([] { use(*Result<int>{failure()}); }) == SIGABRT);
  CHECK(signal_of([] {
          Result<std::string> result{failure()};
          use(*result);
        }) == SIGABRT);
  CHECK(signal_of([] {
          const Result<std::string> result{failure()};
          use(*result);
        }) == SIGABRT);
  CHECK(signal_of([] {
          const Result<std::string> result{failure()};
          use(result->size());
        }) == SIGABRT);
  CHECK(signal_of([] {
          Result<std::string> result{failure()};
          use(result->size());
        }) == SIGABRT);
  CHECK(signal_of([] { use(Result<int>{5}.error()); }) == SIGABRT);
  CHECK(signal_of([] {
          const Result<int> result{5};
          use(result.error());
        }) == SIGABRT);
  CHECK(signal_of([] {
          Result<int> result{5};
          use(result.error());
        }) == SIGABRT);
  CHECK(signal_of([] { *Result<void>{failure()}; }) == SIGABRT);
  CHECK(signal_of([] { use(Result<void>{}.error()); }) == SIGABRT);
  CHECK(signal_of([] {
          const Result<void> done;
          use(done.error());
        }) == SIGABRT);
}
