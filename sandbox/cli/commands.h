// The commands of the program, one row each; help is made from the rows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sandbox::cli {

using Words = std::vector<std::string>;

// Each takes the words after its name and answers the exit code. Throws Error for the person.
int up(const Words& words);
int down(const Words& words);
int status(const Words& words);
int env(const Words& words);
int logs(const Words& words);
int verify(const Words& words);
int api(const Words& words);
int experiments(const Words& words);
int export_lab(const Words& words);
int gc(const Words& words);
int migrate(const Words& words);
int import(const Words& words);
int relocate(const Words& words);
int sql(const Words& words);
int snapshot(const Words& words);
int run_command(const Words& words);
int run_job(const Words& words);  // run with a `--`: what follows it is the command
int jobs(const Words& words);
int secret(const Words& words);
int config(const Words& words);
int shim(const Words& words);  // not for people: sandbox/jobs/shim.h
int fork_lab(const Words& words);
int auth(const Words& words);
int train(const Words& words);
int trainers(const Words& words);
int evaluate(const Words& words);
int server(const Words& words);  // MLflow's name for up

// argv without the program's name. Exit codes: 0 done, 1 it did not work, 2 that is not how to ask.
int run(const Words& words);

}  // namespace sandbox::cli
