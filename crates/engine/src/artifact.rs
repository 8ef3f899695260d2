//! An *artifact* is what one archive of a finished build becomes in the compose.

use magudi_compose::images::Image;

/// How an archive is described in images.json and where its file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The arch of the image.
    pub arch: String,
    /// The image type (`qcow2`, `dvd`, ...).
    pub image_type: String,
    /// The file format (`qcow2`, `raw.xz`, ...).
    pub format: String,
    /// ISOs go to `iso/`, all else to `images/`.
    pub is_iso: bool,
}

/// An image that is in the compose.
#[derive(Debug, Clone)]
pub struct AddedImage {
    /// Uid of the variant it is listed under.
    pub variant: String,
    /// Its entry in images.json, with the checksums that were computed while it was verified.
    pub image: Image,
}
