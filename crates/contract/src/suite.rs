/// Makes a test of every clause of the contract.
///
/// ```ignore
/// contract::suite!(crate::KVM);
/// ```
#[macro_export]
macro_rules! suite {
    ($agent:expr) => {
        $crate::clauses! { checks, $agent,
            the_level_decides_what_is_asked_beyond_the_guest
            a_script_that_never_ends_is_named_and_leaves_the_next_one_its_time
            one_check_that_fails_is_told_and_not_acted_upon
            each_level_is_judged_by_itself
            a_guest_is_found_failed_after_as_many_checks_as_are_said
            a_check_that_fails_is_tried_again
            a_check_that_cannot_be_made_says_nothing_of_the_guest
            a_job_suspends_judgement
            frozen_file_systems_suspend_judgement
            a_service_that_does_not_answer_is_a_check_that_fails
            a_ladder_that_no_cluster_remembers_changes_nothing
            a_script_has_all_of_the_monitor_s_time
            a_call_without_an_interval_is_answered_at_once
            a_guest_that_boots_has_time_to_answer
            a_guest_that_has_passed_its_scripts_has_booted
            what_cannot_be_remembered_is_not_put_off
            a_guest_that_was_stopped_begins_anew
        }
        $crate::clauses! { input, $agent,
            an_unusual_name_is_a_name
            a_huge_or_garbled_name_is_an_answer_and_no_crash
            garbage_in_any_parameter_changes_no_answer_about_a_guest
        }
        $crate::clauses! { lifecycle, $agent,
            start_and_stop_can_be_repeated
            a_start_lets_a_paused_guest_run_on
            a_start_clears_away_what_is_no_guest_any_more
            a_guest_that_runs_is_started_whatever_is_wrong_with_its_configuration
            a_start_that_fails_leaves_nothing
            a_start_says_why_it_failed_and_where_it_might_work
            a_start_needs_all_of_its_time_only_if_it_has_to_wait
            a_copy_that_the_daemon_does_not_know_keeps_a_second_one_from_starting
            a_start_without_a_daemon_fails_and_leaves_a_guest_that_runs
            a_start_that_is_told_to_wait_for_scripts_ends_the_guest_if_they_never_succeed
            what_is_remembered_of_a_guest_is_for_root_alone_and_goes_with_it
            a_changed_parameter_is_taken_over_without_a_restart
            a_mistyped_value_costs_no_guest_that_runs
            a_job_that_an_earlier_action_left_is_aborted_before_a_stop
        }
        $crate::clauses! { disks, $agent,
            a_guest_whose_disk_is_out_of_reach_is_sent_elsewhere_before_anything_is_begun
            a_guest_whose_disks_are_in_reach_starts_and_each_is_told_in_the_log
            what_becomes_of_a_disk_changes_no_answer_about_a_guest_that_runs
            validation_tells_of_every_disk_but_only_where_the_node_is_asked_for
        }
        $crate::clauses! { metadata, $agent,
            meta_data_is_what_is_checked_in
            the_tools_that_read_meta_data_accept_it
            validate_all_is_silent_and_needs_no_node_below_level_10
        }
        $crate::clauses! { migration, $agent,
            a_guest_moves
            a_refused_migration_leaves_the_guest_where_it_was
            a_migration_that_hangs_is_given_up_in_time
            a_guest_that_leaves_while_it_is_stopped_is_ended_where_it_went
            a_guest_that_has_left_is_not_followed_for_ever
            a_migration_that_got_stuck_can_be_tried_again
            where_the_guest_is_counts_and_not_what_was_reported
            a_target_that_is_no_target_costs_no_byte_of_the_guest
            only_a_guest_that_runs_can_move
            a_guest_that_does_not_arrive_is_not_reported_there
            a_silent_daemon_keeps_the_guest_where_it_is
            what_the_target_lacks_is_named_before_anything_moves
            how_a_migration_went_is_kept
            a_guest_whose_migration_failed_does_not_boot
            a_guest_that_is_not_wanted_where_it_came_to_does_not_boot
            a_guest_that_stays_after_a_failed_migration_is_stopped_like_any_other
            memory_that_is_not_for_this_node_is_not_resumed
        }
        $crate::clauses! { monitor, $agent,
            every_state_has_its_code
            a_pause_for_a_job_is_none_of_the_guest_s
            a_guest_that_needs_attention_is_told_with_what_helps
            a_guest_whose_daemon_is_silent_runs_but_is_degraded
            a_monitor_socket_tells_the_states_apart_without_a_daemon
            a_probe_answers_0_7_or_5_whatever_is_wrong
            that_a_guest_has_failed_is_noted_once_for_who_judges_the_node
        }
        $crate::clauses! { process, $agent,
            what_is_no_action_is_3
            usage_is_for_a_person
            a_stream_that_cannot_be_written_is_no_panic
            no_variable_of_the_manager_s_is_needed
            the_log_has_the_agent_and_the_instance
            two_actions_at_once_make_one_guest
        }
        $crate::clauses! { recipes, $agent,
            a_guest_on_demand_is_made_when_it_is_first_started_and_then_left_alone
            what_a_recipe_needs_and_this_node_lacks_sends_the_guest_elsewhere
            a_guest_that_was_made_says_itself_that_it_is_up_or_is_ended
            what_is_wrong_with_a_recipe_is_of_no_concern_to_a_guest_that_runs
        }
        $crate::clauses! { shutdown, $agent,
            every_state_ends_in_nothing
            a_guest_that_does_not_listen_is_destroyed_in_time
            a_stop_by_force_asks_nobody
            a_daemon_that_refuses_or_lies_does_not_keep_a_guest_alive
            a_stop_needs_no_daemon
            a_guest_that_its_daemon_knows_nothing_of_is_killed_at_once
            a_guest_that_cannot_be_ended_is_not_reported_stopped
            where_nothing_can_be_learned_nothing_is_reported_stopped
            a_broken_configuration_changes_no_answer_about_a_guest_that_runs
            without_a_record_the_resource_s_name_finds_the_guest
            a_record_that_cannot_be_read_is_none
        }
    };
}

/// Makes tests of those clauses.
#[macro_export]
#[doc(hidden)]
macro_rules! clauses {
    ($group:ident, $agent:expr, $($clause:ident)*) => {
        mod $group {
            $(
                #[test]
                fn $clause() {
                    $crate::$group::$clause(&$agent);
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    /// A clause that is not in the list above would be no test of any agent's.
    #[test]
    fn every_clause_is_in_the_suite() {
        let suite = include_str!("suite.rs");
        for clauses in [
            include_str!("checks.rs"),
            include_str!("disks.rs"),
            include_str!("input.rs"),
            include_str!("lifecycle.rs"),
            include_str!("metadata.rs"),
            include_str!("migration.rs"),
            include_str!("monitor.rs"),
            include_str!("process.rs"),
            include_str!("recipes.rs"),
            include_str!("shutdown.rs"),
        ] {
            let functions = clauses.lines().filter_map(|line| line.strip_prefix("pub fn "));
            for name in functions.filter_map(|line| line.strip_suffix("(agent: &Agent) {")) {
                assert!(suite.lines().any(|line| line.trim() == name), "{name}");
            }
        }
    }
}
