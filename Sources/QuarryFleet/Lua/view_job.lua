-- One job with its counters. ARGV from 4: job. Reply: flat pairs, {} when it is not known.
return job_view(ARGV[4])
