// SPDX-License-Identifier: Apache-2.0
//
// The shapes' own descriptions against AWS's service-2.json, in both directions: nothing of the
// model is missing or different, and nothing is invented. That the comparison can fail is tried on
// altered copies of the model.

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
namespace model = pe::detail::model;
using pe::detail::json::Value;

namespace {

template <class Type>
struct IsOptional : std::false_type {};
template <class Type>
struct IsOptional<std::optional<Type>> : std::true_type {};
template <class Type>
struct Bare {
  using type = Type;
};
template <class Type>
struct Bare<std::optional<Type>> {
  using type = Type;
};
template <class Type>
struct ElementOf {
  using type = void;
};
template <class Type>
struct ElementOf<std::vector<Type>> {
  using type = Type;
};

/// What service-2.json calls the type of a member.
template <class Type>
std::string type_name() {
  if constexpr (std::is_same_v<Type, std::string> || std::is_same_v<Type, pe::Properties>) {
    return "string";
  } else if constexpr (std::is_same_v<Type, double>) {
    return "float";
  } else if constexpr (std::is_same_v<Type, std::chrono::system_clock::time_point>) {
    return "timestamp";
  } else if constexpr (model::is_shape<Type>) {
    return "structure";
  } else {
    static_assert(!std::is_void_v<typename ElementOf<Type>::type>);
    return "list";
  }
}

/// Compares descriptions with a model, and keeps a sentence for each difference.
class Comparison {
 public:
  explicit Comparison(const Value& service)
      : shapes_(child(service, "shapes")), operations_(child(service, "operations")) {}

  std::vector<std::string> run() {
    compare_operation<pe::PutEventsRequest>();
    compare_operation<pe::PutActionInteractionsRequest>();
    compare_operation<pe::PutUsersRequest>();
    compare_operation<pe::PutItemsRequest>();
    compare_operation<pe::PutActionsRequest>();
    for (const auto& [name, operation] : operations_.members) {
      if (described_operations_.count(name) == 0) differ(name, "operation that is not described");
    }
    for (const auto& [name, shape] : shapes_.members) {
      const bool is_error = flag(shape, "exception");
      const bool is_structure = text(shape, "type") == "structure";
      if (is_structure && !is_error && described_.count(name) == 0)
        differ(name, "structure that is not described");
    }
    return std::move(differences_);
  }

  std::size_t members() const { return members_; }

 private:
  static const Value& child(const Value& value, std::string_view name) {
    static const Value none{};
    const Value* found = value.find(name);
    return found != nullptr ? *found : none;
  }
  static std::string text(const Value& value, std::string_view name) {
    return child(value, name).text;
  }
  static bool flag(const Value& value, std::string_view name) { return child(value, name).boolean; }

  void differ(std::string_view where, std::string_view what) {
    differences_.push_back(std::string(where) + ": " + std::string(what));
  }
  void expect(bool equal, std::string_view where, std::string_view what) {
    if (!equal) differ(where, what);
  }

  /// A trait that is not known here could be a rule that the library does not keep.
  void expect_only(const Value& value, std::string_view where,
                   std::initializer_list<std::string_view> known) {
    for (const auto& [key, trait] : value.members) {
      bool is_known = key == "documentation";
      for (const std::string_view name : known) is_known = is_known || key == name;
      if (!is_known) differ(where, "unknown trait " + key);
    }
  }

  void compare_bounds(const Value& shape, model::Bounds bounds, std::string_view where,
                      std::string_view what) {
    const model::Bounds none;
    const Value* min = shape.find("min");
    const Value* max = shape.find("max");
    const std::size_t least = min != nullptr ? std::stoul(min->text) : none.least;
    const std::size_t most = max != nullptr ? std::stoul(max->text) : none.most;
    if (bounds.least == least && bounds.most == most) return;
    differ(where, std::string(what) + " is " + std::to_string(least) + " to " +
                      std::to_string(most) + " in the model");
  }

  template <class Request>
  void compare_operation() {
    using Description = model::Description<Request>;
    const std::string name{Description::operation};
    described_operations_.insert(name);
    const Value& operation = child(operations_, name);
    if (operation.is(Value::Type::Null)) return differ(name, "no such operation in the model");
    expect_only(operation, name, {"name", "http", "input", "errors"});
    expect(text(operation, "name") == name, name, "another name");
    expect(text(child(operation, "http"), "method") == "POST", name, "another method");
    expect(text(child(operation, "http"), "requestUri") == Description::path, name, "another path");
    expect(text(child(operation, "input"), "shape") == Description::name, name, "another input");
    compare_structure<Request>();
  }

  template <class Shape>
  void compare_structure() {
    using Description = model::Description<Shape>;
    const std::string name{Description::name};
    if (!described_.insert(name).second) return;
    const Value& shape = child(shapes_, name);
    if (shape.is(Value::Type::Null)) return differ(name, "no such shape in the model");
    expect_only(shape, name, {"type", "members", "required", "sensitive"});
    expect(text(shape, "type") == "structure", name, "no structure");
    expect(flag(shape, "sensitive") == Description::is_sensitive, name, "another sensitivity");

    std::set<std::string> required;
    for (const Value& member : child(shape, "required").items) required.insert(member.text);
    std::vector<std::string> in_model, described;
    for (const auto& [member, definition] : child(shape, "members").members)
      in_model.push_back(member);
    model::for_each_member<Shape>([&](const auto& member) {
      const std::string wire_name{member.wire_name};
      described.push_back(wire_name);
      ++members_;
      const Value& definition = child(child(shape, "members"), wire_name);
      const std::string where = name + "." + wire_name;
      if (definition.is(Value::Type::Null)) {
        differ(where, "no such member in the model");
        return true;
      }
      expect(member.rules.is_required == (required.count(wire_name) == 1), where,
             "another required flag");
      using Type = std::decay_t<decltype(std::declval<Shape>().*member.pointer)>;
      compare_member<Type>(definition, member.rules, where);
      return true;
    });
    for (const std::string& member : in_model) {
      const bool is_described =
          std::find(described.begin(), described.end(), member) != described.end();
      expect(is_described, name + "." + member, "member that is not described");
    }
    for (const std::string& member : required) {
      const bool is_member = std::find(in_model.begin(), in_model.end(), member) != in_model.end();
      expect(is_member, name + "." + member, "required but no member");
    }
    expect(described == in_model || std::set(described.begin(), described.end()) !=
                                        std::set(in_model.begin(), in_model.end()),
           name, "another order of members");
  }

  template <class Type>
  void compare_member(const Value& definition, const model::Rules& rules,
                      const std::string& where) {
    using Held = typename Bare<Type>::type;
    using Element = typename ElementOf<Held>::type;
    constexpr bool is_list = !std::is_void_v<Element>;
    expect_only(definition, where, {"shape", "jsonvalue"});
    expect(flag(definition, "jsonvalue") == std::is_same_v<Held, pe::Properties>, where,
           "another jsonvalue trait");
    // A member may be left out exactly when it is optional, or when the library fills it in.
    const bool may_be_absent = !rules.is_required || rules.fill != model::Fill::Nothing;
    expect(is_list || IsOptional<Type>::value == may_be_absent, where,
           "its type does not say whether it may be absent");

    const Value& shape = child(shapes_, text(definition, "shape"));
    expect(text(shape, "type") == type_name<Held>(), where, "another type");
    if constexpr (is_list) {
      expect_only(shape, where, {"type", "member", "min", "max"});
      compare_bounds(shape, rules.count, where, "count");
      const Value& element = child(shapes_, text(child(shape, "member"), "shape"));
      expect_only(child(shape, "member"), where, {"shape"});
      expect(text(element, "type") == type_name<Element>(), where, "another type of element");
      compare_value<Element>(element, text(child(shape, "member"), "shape"), rules, where);
    } else {
      compare_bounds(Value{}, rules.count, where, "count");
      compare_value<Held>(shape, text(definition, "shape"), rules, where);
    }
  }

  /// The shape of a member that is no list, or of the elements of a list.
  template <class Type>
  void compare_value(const Value& shape, const std::string& shape_name, const model::Rules& rules,
                     const std::string& where) {
    if constexpr (model::is_shape<Type>) {
      expect(shape_name == model::Description<Type>::name, where, "another structure");
      expect(!rules.is_sensitive && rules.pattern == nullptr, where,
             "rules that belong to its structure");
      compare_bounds(Value{}, rules.length, where, "length");
      compare_structure<Type>();
    } else {
      expect_only(shape, where, {"type", "min", "max", "pattern", "sensitive"});
      compare_bounds(shape, rules.length, where, "length");
      expect(flag(shape, "sensitive") == rules.is_sensitive, where, "another sensitivity");
      const std::string_view pattern =
          rules.pattern != nullptr ? rules.pattern->expression : std::string_view{};
      expect(text(shape, "pattern") == pattern, where, "another pattern");
    }
  }

  const Value& shapes_;
  const Value& operations_;
  std::set<std::string> described_{}, described_operations_{};
  std::vector<std::string> differences_{};
  std::size_t members_{0};
};

Value read_model() { return test::read_vectors("model/service-2.json"); }

/// The value at a path of keys, to be altered.
Value& at(Value& root, std::initializer_list<std::string_view> path) {
  Value* value = &root;
  for (const std::string_view key : path) {
    Value* found = nullptr;
    for (auto& [name, member] : value->members) {
      if (name == key) found = &member;
    }
    CAPTURE(key);
    REQUIRE(found != nullptr);
    value = found;
  }
  return *value;
}

void drop(Value& object, std::string_view key) {
  const auto before = object.members.size();
  for (auto member = object.members.begin(); member != object.members.end();) {
    member = member->first == key ? object.members.erase(member) : member + 1;
  }
  REQUIRE(object.members.size() + 1 == before);
}

void add(Value& object, const std::string& key, std::string_view json) {
  auto value = pe::detail::json::parse(json);
  REQUIRE(value);
  object.members.emplace_back(key, *std::move(value));
}

using Alter = void (*)(Value&);

/// An altered model, and the one difference that it must show.
struct Mutation {
  Alter alter;
  const char* difference;
};

const Mutation kMutations[] = {
    {[](Value& m) {
       at(m, {"shapes", "RecommendationId", "max"}).text = "41";
     },
     "Event.recommendationId: length is 1 to 41 in the model"},
    {[](Value& m) {
       at(m, {"shapes", "EventPropertiesJSON", "max"}).text = "2048";
     },
     "Event.properties: length is 1 to 2048 in the model"},
    {[](Value& m) {
       at(m, {"shapes", "UserProperties", "min"}).text = "2";
     },
     "User.properties: length is 2 to 24000 in the model"},
    {[](Value& m) {
       add(at(m, {"shapes", "Arn"}), "min", "1");
     },
     "PutUsersRequest.datasetArn: length is 1 to 256 in the model"},
    {[](Value& m) {
       at(m, {"shapes", "EventList", "max"}).text = "11";
     },
     "PutEventsRequest.eventList: count is 1 to 11 in the model"},
    {[](Value& m) {
       at(m, {"shapes", "ActionImpression", "min"}).text = "0";
     },
     "ActionInteraction.impression: count is 0 to 25 in the model"},
    {[](Value& m) {
       at(m, {"shapes", "ItemId", "max"}).text = "512";
     },
     "Event.impression: length is 1 to 512 in the model"},
    {[](Value& m) {
       add(at(m, {"shapes", "FloatType"}), "min", "1");
     },
     "Event.eventValue: length is 1"},
    {[](Value& m) {
       drop(at(m, {"shapes", "Event", "members"}), "itemId");
     },
     "Event.itemId: no such member in the model"},
    {[](Value& m) {
       add(at(m, {"shapes", "User", "members"}), "segment", R"({"shape":"StringType"})");
     },
     "User.segment: member that is not described"},
    {[](Value& m) {
       std::swap(at(m, {"shapes", "Item", "members"}).members[0],
                 at(m, {"shapes", "Item", "members"}).members[1]);
     },
     "Item: another order of members"},
    {[](Value& m) {
       at(m, {"shapes", "Arn", "pattern"}).text = "arn:.*";
     },
     "PutItemsRequest.datasetArn: another pattern"},
    {[](Value& m) {
       drop(at(m, {"shapes", "EventAttributionSource"}), "pattern");
     },
     "MetricAttribution.eventAttributionSource: another pattern"},
    {[](Value& m) {
       add(at(m, {"shapes", "StringType"}), "pattern", R"("\\S+")");
     },
     "User.userId: another pattern"},
    {[](Value& m) {
       at(m, {"shapes", "Event", "required"})
           .items.erase(at(m, {"shapes", "Event", "required"}).items.begin());
     },
     "Event.eventType: another required flag"},
    {[](Value& m) {
       drop(at(m, {"shapes", "Item"}), "required");
     },
     "Item.itemId: another required flag"},
    {[](Value& m) {
       at(m,
          {
              "shapes",
              "PutEventsRequest",
              "required",
          })
           .items[1]
           .text = "userId";
     },
     "PutEventsRequest.userId: another required flag"},
    {[](Value& m) {
       at(m, {"shapes", "Event", "required"}).items[0].text = "absent";
     },
     "Event.absent: required but no member"},
    {[](Value& m) {
       drop(at(m, {"shapes", "ItemId"}), "sensitive");
     },
     "Event.itemId: another sensitivity"},
    {[](Value& m) {
       add(at(m, {"shapes", "StringType"}), "sensitive", "true");
     },
     "Event.eventType: another sensitivity"},
    {[](Value& m) {
       drop(at(m, {"shapes", "Event"}), "sensitive");
     },
     "Event: another sensitivity"},
    {[](Value& m) {
       drop(at(m, {"shapes", "Action", "members", "properties"}), "jsonvalue");
     },
     "Action.properties: another jsonvalue trait"},
    {[](Value& m) {
       add(at(m, {"shapes", "Event", "members", "itemId"}), "jsonvalue", "true");
     },
     "Event.itemId: another jsonvalue trait"},
    {[](Value& m) {
       at(m, {"shapes", "FloatType", "type"}).text = "integer";
     },
     "Event.eventValue: another type"},
    {[](Value& m) {
       at(m, {"shapes", "Date", "type"}).text = "string";
     },
     "Event.sentAt: another type"},
    {[](Value& m) {
       at(m, {"shapes", "Impression", "member", "shape"}).text = "FloatType";
     },
     "Event.impression: another type of element"},
    {[](Value& m) {
       at(m, {"shapes", "UserList", "member", "shape"}).text = "Item";
     },
     "PutUsersRequest.users: another structure"},
    {[](Value& m) {
       add(at(m, {"shapes", "Event", "members", "eventId"}), "location", R"("header")");
     },
     "Event.eventId: unknown trait location"},
    {[](Value& m) {
       add(at(m, {"shapes", "RecommendationId"}), "enum", R"(["a"])");
     },
     "Event.recommendationId: unknown trait enum"},
    {[](Value& m) {
       add(at(m, {"shapes", "PutUsersRequest"}), "payload", R"("users")");
     },
     "PutUsersRequest: unknown trait payload"},
    {[](Value& m) {
       at(m, {"operations", "PutEvents", "http", "requestUri"}).text = "/event";
     },
     "PutEvents: another path"},
    {[](Value& m) {
       at(m, {"operations", "PutUsers", "http", "method"}).text = "PUT";
     },
     "PutUsers: another method"},
    {[](Value& m) {
       at(m, {"operations", "PutItems", "input", "shape"}).text = "PutUsersRequest";
     },
     "PutItems: another input"},
    {[](Value& m) {
       at(m, {"operations", "PutActions", "name"}).text = "PutAction";
     },
     "PutActions: another name"},
    {[](Value& m) {
       add(at(m, {"operations", "PutEvents"}), "endpoint", "{}");
     },
     "PutEvents: unknown trait endpoint"},
    {[](Value& m) { drop(at(m, {"operations"}), "PutActions"); },
     "PutActions: no such operation in the model"},
    {[](Value& m) { add(at(m, {"operations"}), "GetEvents", "{}"); },
     "GetEvents: operation that is not described"},
    {[](Value& m) { add(at(m, {"shapes"}), "Context", R"({"type":"structure"})"); },
     "Context: structure that is not described"},
    {[](Value& m) { drop(at(m, {"shapes"}), "MetricAttribution"); },
     "MetricAttribution: no such shape in the model"},
};

}  // namespace

TEST_CASE("the shapes describe AWS's model, all of it and nothing else") {
  const Value service = read_model();
  Comparison comparison{service};
  for (const std::string& difference : comparison.run()) {
    UNSCOPED_INFO(difference);
    CHECK(difference.empty());
  }
  CHECK(comparison.members() == 9 + 1 + 4 + 9 + 2 + 3 * (2 + 2));
  test::report_conformance_cases(comparison.members(), "members of model/service-2.json");
}

TEST_CASE("each alteration of the model is seen") {
  const Value service = read_model();
  std::size_t count = 0;
  for (const Mutation& mutation : kMutations) {
    ++count;
    CAPTURE(count, mutation.difference);
    Value altered = service;
    mutation.alter(altered);
    std::string differences;
    for (const std::string& difference : Comparison{altered}.run())
      differences += difference + "\n";
    CHECK_THAT(differences, test::ContainsSubstring(mutation.difference));
  }
  test::report_conformance_cases(count, "altered copies of model/service-2.json");
}
