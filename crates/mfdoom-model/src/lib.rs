//! The masked multimodal transformer: configuration, encoders, backbone, pooling, objectives.
