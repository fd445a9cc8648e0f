// What happens after an endpoint has answered: rows that the caller may not read are taken out of a
// list, who made a thing gets MANAGE on it, and grants follow what is renamed or removed.
#pragma once

#include "sandbox/auth/question.h"
#include "sandbox/http/request.h"

namespace sandbox::auth {

// `next` is the endpoint, for lists that have to be filled up again.
using After = void (*)(Question& question, const http::Handler& next, http::Response& response);

namespace after {

// These are for those who are no administrators.
void filter_experiments(Question& question, const http::Handler& next, http::Response& response);
void filter_logged_models(Question& question, const http::Handler& next, http::Response& response);
void filter_models(Question& question, const http::Handler& next, http::Response& response);
void filter_versions(Question& question, const http::Handler& next, http::Response& response);
void filter_scorers(Question& question, const http::Handler& next, http::Response& response);
void filter_review_queues(Question& question, const http::Handler& next, http::Response& response);
void filter_artifacts(Question& question, const http::Handler& next, http::Response& response);
void filter_graphql(Question& question, const http::Handler& next, http::Response& response);

// These are for everybody.
void own_experiment(Question& question, const http::Handler& next, http::Response& response);
void own_model(Question& question, const http::Handler& next, http::Response& response);
void forget_model(Question& question, const http::Handler& next, http::Response& response);
void rename_model(Question& question, const http::Handler& next, http::Response& response);
void own_scorer(Question& question, const http::Handler& next, http::Response& response);
void forget_scorer(Question& question, const http::Handler& next, http::Response& response);

}  // namespace after
}  // namespace sandbox::auth
