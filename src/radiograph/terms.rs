//! Terms that DICOM defines for coded fields. A field that holds anything else may hold anybody's words.

/// Of `Modality`: PS3.3 C.7.3.1.1.1, retired ones included.
pub(super) const MODALITY: &[&str] = &[
    "ANN", "AR", "AS", "ASMT", "AU", "BDUS", "BI", "BMD", "CD", "CF", "CFM", "CP", "CR", "CS", "CT", "CTPROTOCOL", "DD",
    "DF", "DG", "DM", "DMS", "DOC", "DS", "DX", "EC", "ECG", "EEG", "EMG", "EOG", "EPS", "ES", "FA", "FID", "FS", "GM",
    "HC", "HD", "IO", "IOL", "IVOCT", "IVUS", "KER", "KO", "LEN", "LP", "LS", "M3D", "MA", "MG", "MR", "MS", "NEARIR",
    "NM", "OAM", "OCT", "OP", "OPM", "OPR", "OPT", "OPTBSV", "OPTENF", "OPV", "OSS", "OT", "PA", "PLAN", "POS", "PR", "PT",
    "PX", "REG", "RESP", "RF", "RG", "RTDOSE", "RTIMAGE", "RTINTENT", "RTPLAN", "RTRAD", "RTRECORD", "RTSEGANN",
    "RTSTRUCT", "RWV", "SEG", "SM", "SMR", "SR", "SRF", "ST", "STAIN", "TEXTUREMAP", "TG", "US", "VA", "VF", "VIDD", "XA",
    "XAPROTOCOL", "XC",
];

/// Of `ViewPosition`: PS3.3 C.8.1.1.1.2 and C.8.11.5, and what devices write in their place.
pub(super) const VIEW_POSITION: &[&str] = &[
    "AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAO", "RAO", "LPO", "RPO", "LAT", "LATERAL", "OBL", "OBLIQUE",
    "DECUB", "AXIAL", "ERECT", "SUPINE", "PRONE", "LORDOTIC", "CC", "MLO", "ML", "LM", "LMO", "ISO", "XCCL", "XCCM",
];

/// Of `Laterality` and `ImageLaterality`: PS3.3 C.7.3.1 and C.8.11.1; empty where it was not paired.
pub(super) const LATERALITY: &[&str] = &["R", "L", "U", "B"];
