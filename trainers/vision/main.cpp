#include "trainers/vision/training.h"

int main(int argc, char** argv) {
  using namespace trainers;
  return run_trainers(argc, argv,
                      {{"vision",
                        {with_settings<vision::VisionSettings>(vision::train),
                         with_settings<vision::VisionSettings>(vision::evaluate)}}});
}
