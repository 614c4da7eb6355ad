// SPDX-License-Identifier: Apache-2.0
//
// A program that knows nothing of the library and loads two plug-ins that do:
// plugin_host URL local|global DIRECTORY PLUGIN... Both record at the same time, with one spool's
// directory; its status is 0 when each delivered its hundred events.

#include <dlfcn.h>

#include <iostream>
#include <string>
#include <vector>

namespace {

struct Plugin {
  int (*record)(const char* url, int events, const char* directory);
  int (*close)();
};

template <class Function>
Function function(void* library, const char* name) {
  return reinterpret_cast<Function>(::dlsym(library, name));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 1;
  const int visibility = argv[2] == std::string{"local"} ? RTLD_LOCAL : RTLD_GLOBAL;
  std::vector<Plugin> plugins;
  for (int i = 4; i < argc; ++i) {
    void* library = ::dlopen(argv[i], RTLD_NOW | visibility);
    if (library == nullptr) {
      std::cout << ::dlerror() << '\n';
      return 2;
    }
    plugins.push_back({function<int (*)(const char*, int, const char*)>(library, "plugin_record"),
                       function<int (*)()>(library, "plugin_close")});
    if (plugins.back().record == nullptr || plugins.back().close == nullptr) return 3;
  }
  for (const Plugin& plugin : plugins) {
    if (plugin.record(argv[1], 100, argv[3]) != 100) return 4;
  }
  for (const Plugin& plugin : plugins) {
    if (plugin.close() != 100) return 5;
  }
  return 0;
}
