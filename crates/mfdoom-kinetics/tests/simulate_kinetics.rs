//! The splicing equations: closed form against numeric integration, velocity against finite differences.

use mfdoom_kinetics::simulate::{Design, Gene, Programme, Rates, Simulation, State};

fn rk4(rates: Rates, mut state: State, alpha: f64, time: f64) -> State {
    let steps = 4000;
    let h = time / f64::from(steps);
    let slope = |s: State| (alpha - rates.beta * s.u, rates.beta * s.u - rates.gamma * s.s);
    let moved = |s: State, d: (f64, f64), h: f64| State { u: s.u + h * d.0, s: s.s + h * d.1 };
    for _ in 0..steps {
        let k1 = slope(state);
        let k2 = slope(moved(state, k1, h / 2.0));
        let k3 = slope(moved(state, k2, h / 2.0));
        let k4 = slope(moved(state, k3, h));
        state.u += h / 6.0 * (k1.0 + 2.0 * k2.0 + 2.0 * k3.0 + k4.0);
        state.s += h / 6.0 * (k1.1 + 2.0 * k2.1 + 2.0 * k3.1 + k4.1);
    }
    state
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

#[test]
fn closed_form_agrees_with_numeric_integration() {
    let rates = [(1.0, 0.3), (0.3, 1.0), (0.7, 0.7), (0.7, 0.7 + 1e-9), (0.7, 0.7 - 1e-5), (4.0, 0.01)];
    for (beta, gamma) in rates {
        for alpha in [0.0, 2.5] {
            for time in [0.0, 0.1, 3.0, 20.0] {
                let rates = Rates { beta, gamma };
                let from = State { u: 3.0, s: 0.4 };
                let (exact, numeric) = (rates.advance(from, alpha, time), rk4(rates, from, alpha, time));
                assert!(
                    close(exact.u, numeric.u) && close(exact.s, numeric.s),
                    "beta {beta} gamma {gamma} alpha {alpha} time {time}: {exact:?} against {numeric:?}"
                );
            }
        }
    }
}

#[test]
fn long_times_end_in_the_steady_state_without_overflow() {
    for (beta, gamma) in [(30.0, 0.5), (0.5, 30.0)] {
        let rates = Rates { beta, gamma };
        let late = rates.advance(State { u: 100.0, s: 1.0 }, 2.0, 1e4);
        let steady = rates.steady(2.0);
        assert!(close(late.u, steady.u) && close(late.s, steady.s), "{late:?}");
    }
}

fn genes() -> Simulation {
    Simulation::new(Design { genes: 400, dynamic_genes: 0.8, seed: 5, ..Design::default() }).unwrap()
}

fn switches(gene: &Gene) -> impl Iterator<Item = f64> {
    gene.on.into_iter().chain(gene.off)
}

#[test]
fn velocity_is_the_slope_of_spliced_molecules_along_time() {
    let simulation = genes();
    let h = 1e-4;
    let mut moving = 0;
    for gene in simulation.genes() {
        for step in 1..40 {
            let time = simulation.tree().end() * f64::from(step) / 40.0;
            if switches(gene).any(|switch| (switch - time).abs() < 2.0 * h) {
                continue;
            }
            let s = |time| gene.state_at(true, time).s;
            let slope = (s(time + h) - s(time - h)) / (2.0 * h);
            let velocity = gene.rates.velocity(gene.state_at(true, time));
            assert!((slope - velocity).abs() < 1e-5 * velocity.abs().max(1.0), "{slope} against {velocity}");
            moving += usize::from(velocity.abs() > 1e-3);
        }
    }
    assert!(moving > 1000, "only {moving} moving places: the test says nothing");
}

#[test]
fn states_follow_the_programme_through_every_switch() {
    let simulation = genes();
    let end = simulation.tree().end();
    for gene in simulation.genes() {
        let first = if gene.on.is_some() { gene.alpha_low } else { gene.alpha };
        let mut at = (0.0, gene.rates.steady(first), first);
        for (switch, level) in [(gene.on, gene.alpha), (gene.off, gene.alpha_low)] {
            let Some(switch) = switch.filter(|switch| *switch < end) else { continue };
            at = (switch, rk4(gene.rates, at.1, at.2, switch - at.0), level);
        }
        let (numeric, exact) = (rk4(gene.rates, at.1, at.2, end - at.0), gene.state_at(true, end));
        assert!(close(exact.u, numeric.u) && close(exact.s, numeric.s), "{gene:?}");
    }
}

#[test]
fn cells_that_do_not_pass_a_branch_stay_where_the_gene_began() {
    let simulation = genes();
    for gene in simulation.genes() {
        let start = gene.state_at(true, 0.0);
        assert_eq!(gene.state_at(false, simulation.tree().end()), start);
        assert!(gene.rates.velocity(start).abs() < 1e-9 * gene.alpha);
    }
}

#[test]
fn programmes_are_mixed_and_rates_are_log_normal() {
    let simulation = genes();
    let genes = simulation.genes();
    let count = |programme| genes.iter().filter(|gene| gene.programme == programme).count();
    let counts = Programme::ALL.map(count);
    assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
    for gene in genes {
        let constant = gene.programme == Programme::Housekeeping;
        assert_eq!(constant, gene.alpha_low == gene.alpha);
        assert_eq!(constant, switches(gene).next().is_none());
    }
    let logs: Vec<_> = genes.iter().map(|gene| gene.rates.gamma.ln()).collect();
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    let spread = (logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / logs.len() as f64).sqrt();
    assert!((mean - 0.28f64.ln()).abs() < 0.08 && (spread - 0.4).abs() < 0.06, "{mean} {spread}");
}
