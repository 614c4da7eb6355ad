// SPDX-License-Identifier: Apache-2.0
//
// A program that knows nothing of the library and loads two plug-ins that do:
// plugin_host URL local|global DIRECTORY PLUGIN... Both record at the same time, with one spool's
// directory; its status is 0 when each delivered its hundred events. plugin_host unload PLUGIN
// loads lock_plugin.cpp, forks, unloads it and forks again; its status is 0 if the first child had
// closed the plug-in's descriptor and the second one ran no handler of unmapped code.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

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

/// Whether a forked child lives and finds a descriptor closed.
bool is_closed_in_child(int number) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::fcntl(number, F_GETFD) < 0 ? 7 : 8);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

int unload(const char* plugin) {
  void* library = ::dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return 2;
  const auto hold = function<int (*)()>(library, "plugin_hold");
  const auto release = function<void (*)()>(library, "plugin_release");
  if (hold == nullptr || release == nullptr) return 3;
  const int number = hold();
  if (number < 0 || !is_closed_in_child(number) || ::fcntl(number, F_GETFD) < 0) return 4;
  release();
  if (::dlclose(library) != 0) return 5;
  if (::dlopen(plugin, RTLD_NOW | RTLD_NOLOAD) != nullptr) return 6;
  return is_closed_in_child(number) ? 0 : 7;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && argv[1] == std::string{"unload"}) return unload(argv[2]);
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
