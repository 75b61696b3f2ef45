//! The boxes a detector starts from.

use super::EdgeBox;
use crate::network::retina_net::ANCHORS_PER_PIXEL;

/// Heights over widths of the anchors.
const ASPECT_RATIOS: [f32; 3] = [0.5, 1.0, 2.0];

/// Anchors of every level of a pyramid for one image size.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors {
    levels: Vec<Vec<EdgeBox>>,
    grids: Vec<[usize; 2]>,
    image_px: [usize; 2],
}

impl Anchors {
    /// Anchors for an image of `[height, width]` pixels whose levels have the extents `grids`, finest first. The smallest
    /// square anchor of the first level has the side `base_px`, which doubles from level to level; each level has sides
    /// of 2^0, 2^(1/3) and 2^(2/3) times that, cut to whole pixels, in shapes 1:2, 1:1 and 2:1.
    ///
    /// Order and rounding are those of torchvision's `AnchorGenerator`: rows of pixels, then shapes, then sides; corners
    /// rounded to pixels, half to even; steps between pixels of a level cut to whole image pixels.
    pub fn new(image_px: [usize; 2], grids: &[[usize; 2]], base_px: f64) -> Self {
        let levels = grids
            .iter()
            .enumerate()
            .map(|(level, grid)| {
                let cells = cell_anchors(base_px * f64::from(1_u32 << level));
                let step = [0, 1].map(|axis| image_px[axis] / grid[axis].max(1));
                let mut anchors = Vec::with_capacity(grid[0] * grid[1] * ANCHORS_PER_PIXEL);
                for row in 0..grid[0] {
                    for column in 0..grid[1] {
                        let (down, right) = ((row * step[0]) as f32, (column * step[1]) as f32);
                        anchors.extend(cells.iter().map(|cell| EdgeBox {
                            left_px: cell.left_px + right,
                            top_px: cell.top_px + down,
                            right_px: cell.right_px + right,
                            bottom_px: cell.bottom_px + down,
                        }));
                    }
                }
                anchors
            })
            .collect();
        Self { levels, grids: grids.to_vec(), image_px }
    }

    /// Anchors of each level, `[h, w, 9]`, row-major.
    pub fn levels(&self) -> &[Vec<EdgeBox>] {
        &self.levels
    }

    /// Rows and columns of each level.
    pub fn grids(&self) -> &[[usize; 2]] {
        &self.grids
    }

    /// Height and width of the image in pixels.
    pub fn image_px(&self) -> [usize; 2] {
        self.image_px
    }

    /// All anchors, level after level.
    pub fn iter(&self) -> impl Iterator<Item = &EdgeBox> {
        self.levels.iter().flatten()
    }

    /// Number of anchors.
    pub fn len(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The nine anchors around the origin for a level whose smallest side is `side_px`.
fn cell_anchors(side_px: f64) -> Vec<EdgeBox> {
    let sides = [side_px, (side_px * 2.0_f64.powf(1.0 / 3.0)).trunc(), (side_px * 2.0_f64.powf(2.0 / 3.0)).trunc()];
    let mut anchors = Vec::with_capacity(ANCHORS_PER_PIXEL);
    for ratio in ASPECT_RATIOS {
        let tall = ratio.sqrt();
        let wide = 1.0 / tall;
        for side in sides {
            let side = side as f32;
            let half = |extent: f32| (extent / 2.0).round_ties_even();
            let (x, y) = (half(wide * side), half(tall * side));
            anchors.push(EdgeBox { left_px: -x, top_px: -y, right_px: x, bottom_px: y });
        }
    }
    anchors
}
