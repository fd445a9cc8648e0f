// Programs whose spans need more than other words for the same things: Gemini CLI, Claude Code and
// the chat calls of Vercel's AI SDK.
// Source of the rules: tracing/otel/translation/{gemini_cli,claude_code,vercel_ai}.py of
// MLflow 3.17.
#pragma once

#include "sandbox/traces/otlp.h"

namespace sandbox::traces {

// Adds MLflow's attributes where the span comes from one of these programs and lacks them. Runs
// before the words of conventions.h.
void translate_programs(IncomingSpan& span);

}  // namespace sandbox::traces
