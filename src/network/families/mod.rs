//! One file a family of networks: the graph of each, with torchvision's tensor names, in named blocks.

pub(super) mod alexnet;
pub(super) mod convnext;
pub(super) mod densenet;
pub(super) mod efficientnet;
pub(super) mod googlenet;
pub(super) mod inception_v3;
mod layers;
pub(super) mod mobilenet_v2;
pub(super) mod mobilenet_v3;
pub(super) mod regnet;
pub(super) mod resnet;
pub mod retina_net;
pub mod u_net;
pub(super) mod vgg;

pub(super) use layers::divisible;
