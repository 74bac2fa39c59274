// The benchmark networks of [NP] section 6.2, and ResNet-18, which other simulators are timed with,
// as graphs with made-up weights, so that studies of time, energy and area need no outside file.
// Batch normalisation is folded into the convolutions.
//
// Sources of the shapes: AlexNet (Krizhevsky, 2014, one tower), VGG (Simonyan and Zisserman, 2015),
// ResNet (He et al., 2016, stride in the 3 x 3 convolution), GoogLeNet (Szegedy et al., 2015, with
// 3 x 3 for its 5 x 5 convolutions, as trained models of it have), Inception-v2 (Ioffe and Szegedy,
// 2015), MobileNetV2 (Sandler et al., 2018), NeuralTalk (Karpathy and Fei-Fei, 2015, with the sizes
// of Han et al., EIE, ISCA 2016: one step from image features to word scores).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "network/graph.h"
#include "network/synthetic_weights.h"

namespace npim::network {

/// "alexnet", "vgg-16", "vgg-19", "resnet-50", "resnet-101", "inception-v2", "googlenet",
/// "mobilenet-v2", "neuraltalk", "resnet-18".
const std::vector<std::string> &zoo_names();

/// The nine of [NP].
const std::vector<std::string> &paper_names();

/// Also without hyphens: "resnet50" is "resnet-50".
bool is_zoo_name(const std::string &name);

/// A checked graph under the given name. Throws InputError for a name of which is_zoo_name() is
/// false.
Graph zoo_network(const std::string &name, WeightSource source);

}  // namespace npim::network
