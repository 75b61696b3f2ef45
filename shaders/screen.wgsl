// The window as the processor has drawn it, pixel by pixel. A sampler and not a load: drivers that run on the processor
// are faster at it.

@group(0) @binding(0) var screen: texture_2d<f32>;
@group(0) @binding(1) var nearest: sampler;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
}

@vertex
fn corner(@builtin(vertex_index) index: u32) -> Corner {
    // Two triangles as a strip, the whole viewport.
    let place = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    return Corner(vec4<f32>(place.x * 2.0 - 1.0, 1.0 - place.y * 2.0, 0.0, 1.0), place);
}

@fragment
fn screen_picture(corner: Corner) -> @location(0) vec4<f32> {
    return textureSample(screen, nearest, corner.place);
}
