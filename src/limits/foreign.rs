//! Weights of other programs: PyTorch's archives and pickles, Keras' HDF5.

/// Most values of all tensors together.
pub const FOREIGN_VALUES: usize = (2 << 30) / size_of::<f32>();

/// Most bytes that all entries of an archive unpack to.
pub const UNPACKED_BYTES: u64 = 2 << 30;

/// Most entries of a zip archive.
pub const ZIP_ENTRIES: u64 = 100_000;

/// Longest name of a zip entry, in bytes.
pub const ZIP_NAME_BYTES: u16 = 1_024;

/// Longest pickle, in bytes: names and shapes, no values.
pub const PICKLE_BYTES: u64 = 16 << 20;

/// Most objects of a pickle.
pub const PICKLE_OBJECTS: usize = 1_000_000;

/// Most objects on the stack of a pickle; Python puts up to 2000 there at once.
pub const PICKLE_STACK: usize = 100_000;

/// Most bytes that one packed entry of an archive unpacks to; `torch.save` packs none.
pub const PACKED_STORAGE_BYTES: u64 = 512 << 20;

/// Most modules, and most tensors, of a pickled module; an InceptionV3 has about 300 and 600.
pub const PICKLE_MODULES: usize = 20_000;

/// Most tensors of all dictionaries and modules of a pickle.
pub const PICKLE_TENSORS: usize = 200_000;

/// Most dictionaries and modules with tensors of a pickle; optimizers have one a parameter.
pub const PICKLE_NETWORKS: usize = 20_000;

/// Most messages of an HDF5 object; Keras writes about ten.
pub const HDF5_MESSAGES: usize = 2_000;

/// Most blocks of messages of an HDF5 object.
pub const HDF5_BLOCKS: usize = 200;

/// Most objects of one HDF5 heap that are passed on the way to the one wanted.
pub const HDF5_HEAP_OBJECTS: usize = 100_000;

/// Most links of all HDF5 groups; InceptionV3 by Keras has about a thousand.
pub const HDF5_LINKS: usize = 50_000;

/// Most nodes and leaves of the tree of an HDF5 group.
pub const HDF5_NODES: usize = 100_000;

/// Most nodes of an ONNX graph; the largest published classifiers have a few thousand.
pub const ONNX_NODES: usize = 100_000;

/// Most outputs of an ONNX graph.
pub const ONNX_OUTPUTS: usize = 32;

/// Most nodes, names, attributes and extents of an ONNX file together.
pub const ONNX_ITEMS: usize = 2_000_000;

/// Most whole numbers of one ONNX tensor: they are extents, axes and the like, never weights.
pub const ONNX_WHOLE_VALUES: usize = 1_000_000;

/// Most numbers that all constants of an ONNX graph take that follow from others, beyond those that its file holds.
pub const ONNX_FOLDED_VALUES: usize = 16_000_000;

/// Most axes of an ONNX tensor.
pub const ONNX_AXES: usize = 16;

/// The newest version of ONNX' operators that is known here.
pub const ONNX_OPSET: i64 = 28;

/// Longest configuration of a Keras model, in bytes; that of a `NASNetLarge` has 1 MB.
pub const KERAS_CONFIG_BYTES: usize = 32 << 20;

/// Most layers of a Keras model, each counted as often as it is called; a `NASNetLarge` has 1,039.
pub const KERAS_LAYERS: usize = 5_000;
