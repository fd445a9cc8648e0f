// What other programs call the things MLflow has attributes for: OpenTelemetry's own words for
// language models, and those of the instrumentations in use. Spans get MLflow's attributes beside
// their own, so that its pages, searches and sums understand them.
// Source of the rules: tracing/otel/translation of MLflow 3.17.
#pragma once

#include "sandbox/traces/otlp.h"

namespace sandbox::traces {

// Adds span type, inputs, outputs, token usage, message format, tools, model and provider where the
// span lacks them.
void translate(IncomingSpan& span);

}  // namespace sandbox::traces
