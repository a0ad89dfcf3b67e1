"""The preset deflate dictionary of format 1: what headers usually say, the likeliest last.

Part of the format: a file cannot be read with another one. A new dictionary is a new version.
"""

DICTIONARY = (
    b'"mp3" "ramp" "resolution" "finest" "coarsest" "growth" "bands" "scale" "seed" "tolerance" "bits" "step" '
    b'"snr":"ssim":"loss":"seconds":"psnr":"steps":"metrics":{},"state":{'
    b'"affine":[[1.0,0.0,0.0,0.0],[0.0,1.0,0.0,0.0],[0.0,0.0,1.0,0.0],[0.0,0.0,0.0,1.0]],"mm","m","s",'
    b'"t","unit":"s"},"fps":30.0,"sample_rate":44100,48000,16000,"codec":"spacing":'
    b'"kind":"scattered"},"kind":"video"},"kind":"volume"},"kind":"audio"},"int16","int32","float64","uint16","float32",'
    b'"name":"identity"},"name":"dense","name":"sape","blocks":16,"num_blocks":"over":{"name":"fourier","positional",'
    b'"basic","gaussian","frequencies":256,"sigma":10.0,"freqs":'
    b'"name":"gabor","name":"wire","name":"gaussian","name":"relu"},"scale":10.0,"hidden_omega":30.0,'
    b'"name":"sine","omega":30.0,"first_omega":30.0},"activation":{"bias":true,'
    b'"encoding":{"base":16,"features":2,"levels":16,"log2_size":19,"max":2048,"min":16,"name":"hash"},'
    b'"network":{"activation":"depth":2,3,4,5,"name":"mlp","width":64},128,256},'
    b'"domain":{"axes":[{"high":1.0,"low":-1.0,"name":"z","size":null,"unit":""},{"high":1024.0,"low":0.0,'
    b'"name":"x","size":768,"unit":"pixel"},{"high":512.0,"low":0.0,"name":"y","size":256,"unit":"pixel"}],'
    b'"channels":1,"channels":3,"dtype":"uint8","kind":"image","meta":{},"values":{"high":[255.0],"low":[0.0]}}},'
    b'"residual","raw",false],["encoding","raw",true],["network","raw",true],["field","raw",true]]'
)
