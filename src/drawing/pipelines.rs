//! Shaders, what they are bound to, and the pipelines made of them.

use super::uniforms::UNIFORM_BYTES;

/// What every shader shares.
const COMMON: &str = concat!(
    include_str!("../../shaders/view.wgsl"),
    include_str!("../../shaders/gray.wgsl"),
    include_str!("../../shaders/map.wgsl")
);

/// Which picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Case,
    Cascade,
}

/// A pipeline and what it is bound to.
pub(super) struct Pipeline {
    pub(super) pipeline: wgpu::RenderPipeline,
    pub(super) bindings: wgpu::BindGroupLayout,
}

pub(super) struct Pipelines {
    case: Pipeline,
    cascade: Pipeline,
}

impl Pipelines {
    pub(super) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let case = include_str!("../../shaders/case.wgsl");
        let cascade = include_str!("../../shaders/cascade.wgsl");
        let (map, states) = (wgpu::TextureViewDimension::D2, wgpu::TextureViewDimension::D2Array);
        Self {
            case: pipeline(device, format, ["case", "case_picture", case], &[map, map]),
            cascade: pipeline(device, format, ["cascade", "cascade_picture", cascade], &[states]),
        }
    }

    pub(super) fn of(&self, kind: Kind) -> &Pipeline {
        match kind {
            Kind::Case => &self.case,
            Kind::Cascade => &self.cascade,
        }
    }
}

/// `maps`: dimensions of the textures of maps, bound after those of the radiograph and of the colours.
fn pipeline(
    device: &wgpu::Device,
    format: wgpu::TextureFormat,
    [name, entry_point, source]: [&str; 3],
    maps: &[wgpu::TextureViewDimension],
) -> Pipeline {
    let float = wgpu::TextureSampleType::Float { filterable: false };
    let plain = wgpu::TextureViewDimension::D2;
    let textures = [(wgpu::TextureSampleType::Uint, plain), (float, plain), (float, plain)];
    let textures = textures.into_iter().chain(maps.iter().map(|dimension| (float, *dimension)));
    let uniforms = wgpu::BindGroupLayoutEntry {
        binding: 0,
        visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
        ty: wgpu::BindingType::Buffer {
            ty: wgpu::BufferBindingType::Uniform,
            has_dynamic_offset: false,
            min_binding_size: wgpu::BufferSize::new(UNIFORM_BYTES),
        },
        count: None,
    };
    let mut entries = vec![uniforms];
    for (binding, (sample_type, view_dimension)) in (1..).zip(textures) {
        entries.push(texture_entry(binding, sample_type, view_dimension));
    }
    let source = format!("{COMMON}{source}");
    assembled(device, format, [name, entry_point, &source], &entries, wgpu::PrimitiveTopology::TriangleList)
}

/// A texture that a picture is made of.
pub(super) fn texture_entry(
    binding: u32,
    sample_type: wgpu::TextureSampleType,
    view_dimension: wgpu::TextureViewDimension,
) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty: wgpu::BindingType::Texture { sample_type, view_dimension, multisampled: false },
        count: None,
    }
}

/// A pipeline of the shader `source`, bound to `entries`: its vertices come from `corner`, its pixels from `entry_point`.
pub(super) fn assembled(
    device: &wgpu::Device,
    format: wgpu::TextureFormat,
    [name, entry_point, source]: [&str; 3],
    entries: &[wgpu::BindGroupLayoutEntry],
    topology: wgpu::PrimitiveTopology,
) -> Pipeline {
    let label = Some(name);
    let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&bindings)],
        immediate_size: 0,
    });
    let module = device
        .create_shader_module(wgpu::ShaderModuleDescriptor { label, source: wgpu::ShaderSource::Wgsl(source.into()) });
    let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label,
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("corner"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState { topology, ..wgpu::PrimitiveState::default() },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(entry_point),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    });
    Pipeline { pipeline, bindings }
}
