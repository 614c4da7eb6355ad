// SPDX-License-Identifier: Apache-2.0
//
// One half of a program, with OURS: the library with RapidJSON in a namespace that the application
// chose. The other half uses RapidJSON directly, in its own namespace, as another version might.
#include <cstdio>
#include <string>

std::string write_directly();

#ifdef OURS
#define RAPIDJSON_NAMESPACE application_rapidjson
#define RAPIDJSON_NAMESPACE_BEGIN namespace application_rapidjson {
#define RAPIDJSON_NAMESPACE_END }
#include "personalize_events/personalize_events.hpp"

int main() {
  namespace json = personalize_events::detail::json;
  const auto parsed = json::parse(R"({"price":0.1,"tags":["a",true,null]})");
  if (!parsed || parsed->find("price")->text != "0.1") return 1;
  if (parsed->find("tags")->items.size() != 3) return 2;
  std::string written;
  json::Writer writer(written);
  writer.begin_object();
  writer.key("price");
  writer.number(0.1);
  writer.end_object();
  if (!writer.good() || written != R"({"price":0.1})") return 3;
  if (write_directly() != "[0.5]") return 4;
  std::puts("RapidJSON serves under two namespaces in one program");
  return 0;
}
#else
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

std::string write_directly() {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.StartArray();
  writer.Double(0.5);
  writer.EndArray();
  return buffer.GetString();
}
#endif
