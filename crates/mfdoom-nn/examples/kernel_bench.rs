//! Times every layer, forward and forward with backward, against its composed form.
//!
//! `cargo run --release --workspace --example kernel_bench [REPEATS]`: medians in milliseconds and their ratio.
//! Ours and the other take turns, so that a busy machine slows both alike.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Device, Result, Tensor, Var};
use mfdoom_nn::{
    AdamW, AdamWConfig, AttentionPlan, Group, Init, ParameterStore, Segment, Stream, attention, composed,
    gather, gather_add, geglu, layer_norm, linear, value_hidden,
};

type Layer<'a> = &'a dyn Fn(&[Var]) -> Result<Tensor>;

fn main() -> Result<()> {
    let repeats = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(7);
    let bench = Bench { repeats };
    bench.line(["layer", "fwd", "other", "ratio", "fwd+bwd", "other", "ratio"])?;
    bench.layers()?;
    bench.attentions()?;
    bench.optimiser()
}

struct Bench {
    repeats: usize,
}

fn normal(shape: &[usize]) -> Result<Var> {
    let mut stream = Stream::new(1, "bench", 0, shape.len() as u64);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| stream.normal() as f32).collect();
    Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

impl Bench {
    fn line(&self, cells: [&str; 7]) -> Result<()> {
        let [name, rest @ ..] = cells;
        let rest: Vec<String> = rest.iter().map(|cell| format!("{cell:>9}")).collect();
        Ok(writeln!(std::io::stdout(), "{name:<34}{}", rest.join(""))?)
    }

    /// Medians of ours and the other, which take turns.
    fn pair(
        &self,
        mut ours: impl FnMut() -> Result<()>,
        mut other: impl FnMut() -> Result<()>,
    ) -> Result<[f64; 2]> {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=self.repeats {
            for (times, work) in
                times.iter_mut().zip([&mut ours as &mut dyn FnMut() -> Result<()>, &mut other])
            {
                let start = Instant::now();
                work()?;
                if round > 0 {
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
        Ok(times.map(median))
    }

    fn compare(&self, name: &str, shapes: &[&[usize]], ours: Layer<'_>, other: Layer<'_>) -> Result<()> {
        let inputs: Vec<Var> = shapes.iter().map(|shape| normal(shape)).collect::<Result<_>>()?;
        let forward = |layer: Layer<'_>| layer(&inputs).map(drop);
        let both = |layer: Layer<'_>| layer(&inputs)?.sum_all()?.backward().map(drop);
        let [a, b] = self.pair(|| forward(ours), || forward(other))?;
        let [c, d] = self.pair(|| both(ours), || both(other))?;
        let ms = |x: f64| format!("{x:.2}");
        self.line([name, &ms(a), &ms(b), &ms(b / a), &ms(c), &ms(d), &ms(d / c)])
    }

    fn layers(&self) -> Result<()> {
        self.compare(
            "layer_norm 8192x512",
            &[&[8192, 512], &[512]],
            &|v| layer_norm(&v[0], &v[1], None, 1e-5),
            &|v| composed::layer_norm(&v[0], &v[1], None, 1e-5),
        )?;
        self.compare(
            "layer_norm 4096x128 bias",
            &[&[4096, 128], &[128], &[128]],
            &|v| layer_norm(&v[0], &v[1], Some(&v[2]), 1e-5),
            &|v| composed::layer_norm(&v[0], &v[1], Some(&v[2]), 1e-5),
        )?;
        self.compare("geglu 8192x2x1365", &[&[8192, 2730]], &|v| geglu(&v[0]), &|v| composed::geglu(&v[0]))?;
        self.compare("geglu 4096x2x341", &[&[4096, 682]], &|v| geglu(&v[0]), &|v| composed::geglu(&v[0]))?;
        for (rows, width, out) in [(8192, 512, 1024), (4096, 128, 682), (300, 64, 64)] {
            self.compare(
                &format!("linear {rows}x{width}x{out}"),
                &[&[rows, width], &[out, width]],
                &|v| linear(&v[0], &v[1], None),
                &|v| composed::linear(&v[0], &v[1], None),
            )?;
        }
        let mut stream = Stream::new(1, "index", 0, 0);
        for (table, n, width) in [(60_000, 8192, 128), (5000, 16_384, 512)] {
            let index: Arc<[u32]> = (0..n).map(|_| stream.below(table as u64) as u32).collect();
            self.compare(
                &format!("gather {n} of {table}x{width}"),
                &[&[table, width]],
                &|v| gather(&v[0], &index),
                &|v| composed::gather(&v[0], &index),
            )?;
            let few: Arc<[u32]> = (0..n).map(|_| (stream.below(40) * stream.below(40) / 40) as u32).collect();
            self.compare(
                &format!("gather_add {n} of {table}x{width}"),
                &[&[table, width], &[40, width]],
                &|v| gather_add(&v[0], &index, &v[1], &few),
                &|v| composed::gather_add(&v[0], &index, &v[1], &few),
            )?;
        }
        self.compare(
            "value_hidden 8192x128",
            &[&[8192], &[128], &[128]],
            &|v| value_hidden(&v[0], &v[1], &v[2]),
            &|v| composed::value_hidden(&v[0], &v[1], &v[2]),
        )
    }

    fn attentions(&self) -> Result<()> {
        for (cells, tokens, fusion, heads, dim) in [
            (32, 128, 8, 4, 16),
            (16, 256, 8, 4, 32),
            (4, 1024, 16, 8, 64),
            (1, 1024, 16, 8, 64),
            (64, 100, 8, 4, 16),
        ] {
            let plan = layers_plan(cells, tokens, fusion)?;
            self.attend(&format!("layer {cells}x(2x{tokens}+{fusion}) h{heads}x{dim}"), &plan, (heads, dim))?;
        }
        for (cells, rows, queries, heads, dim) in [(32, 264, 4, 4, 16), (4, 2064, 9, 8, 64)] {
            let groups = (0..cells).map(|c| Group {
                segments: (0..queries)
                    .map(|q| Segment {
                        queries: c * queries + q..c * queries + q + 1,
                        keys: std::iter::once(c * rows..c * rows + rows / (1 + q % 2)).collect(),
                    })
                    .collect(),
            });
            let plan = AttentionPlan::new(groups.collect(), cells * queries, cells * rows)?;
            self.attend(
                &format!("pool {cells}x{queries} of {rows} h{heads}x{dim}"),
                &plan.into(),
                (heads, dim),
            )?;
        }
        Ok(())
    }

    fn attend(&self, name: &str, plan: &Arc<AttentionPlan>, (heads, dim): (usize, usize)) -> Result<()> {
        self.compare(
            name,
            &[&[plan.n_queries(), heads * dim], &[plan.n_keys(), 2 * heads * dim]],
            &|v| attention(&v[0], &v[1], heads, plan),
            &|v| composed::attention(&v[0], &v[1], heads, plan),
        )
    }

    fn optimiser(&self) -> Result<()> {
        let mut store = ParameterStore::new(0, DType::F32, &Device::Cpu);
        let table = store.draw("table", (5000, 512), Init::Normal(1.0))?;
        let grads = table.sqr()?.sum_all()?.backward()?;
        let mut ours = AdamW::new(AdamWConfig::default(), &store, |_| Some(0.01))?;
        let var = Var::from_tensor(&table.copy()?.detach())?;
        let mut other = candle_nn::AdamW::new_lr(vec![var.clone()], 1e-3)?;
        let mut other_grads = var.sum_all()?.backward()?;
        other_grads.insert(&var, table.copy()?.detach());
        let [a, b] = self.pair(
            || ours.step(&store, &grads, 1e-3),
            || candle_nn::Optimizer::step(&mut other, &other_grads),
        )?;
        let ms = |x: f64| format!("{x:.2}");
        self.line(["adamw 5000x512 (candle's)", &ms(a), &ms(b), &ms(b / a), "", "", ""])
    }
}

/// Cells of two modalities that read themselves and fusion rows that read all.
fn layers_plan(cells: usize, tokens: usize, fusion: usize) -> Result<Arc<AttentionPlan>> {
    let size = 2 * tokens + fusion;
    let groups = (0..cells).map(|c| {
        let (a, b) = (c * size, c * size + tokens);
        let read = |queries: std::ops::Range<usize>, keys| Segment {
            queries,
            keys: std::iter::once(keys).collect(),
        };
        Group {
            segments: vec![
                read(a..b, a..b),
                read(b..b + tokens, b..b + tokens),
                read(b + tokens..a + size, a..a + size),
            ],
        }
    });
    Ok(Arc::new(AttentionPlan::new(groups.collect(), cells * size, cells * size)?))
}
