#pragma once

#include "playground/demo_changes.hpp"
#include "playground/demo_console.hpp"
#include "playground/demo_stage.hpp"

namespace carillon::playground {

/// Shows what Pipeliner's dialect can do, a scene for each: a filter, a gate on changed fields with an
/// expanded relation, delayed chunks, a skip key. They are numbered on from `number`. Throws as the stage
/// does.
void play_pipeliner_scenes(demo_stage& stage, demo_console& console, demo_changes& changes, unsigned number);

} // namespace carillon::playground
