"""The preset deflate dictionaries of formats 1 and 2: what headers usually say, the likeliest last.

Part of the formats: a file cannot be read with another one. A new dictionary is a new version.
"""

# fields with raw weights
_RAW = (
    # words that later parts, coders and measurements may use
    b'"bits""bpp""loss""scale""seed""step""steps""seconds""state""quantised""residual""entropy""index""mask"'
    b'"bands""growth""rank""tensors""checkpoint""teacher""optimiser""schedule""uniform""cosine""adam"'
    # the less usual signals
    b'"dtype":"float64","dtype":"int16","dtype":"uint16","kind":"scattered","meta":{},'
    b'"affine":[[1.0,0.0,0.0,0.0],[0.0,1.0,0.0,0.0],[0.0,0.0,1.0,0.0],[0.0,0.0,0.0,1.0]],"spacing":"subtype":"PCM_16"'
    b'[{"domain":{"axes":[{"high":1.0,"low":0.0,"name":"x","size":null,"unit":"mm"},{"high":1.0,"low":0.0,"name":"y",'
    b'"size":128,"unit":"mm"},{"high":1.0,"low":0.0,"name":"z","size":64,"unit":""}],"channels":1,'
    b'"dtype":"float32","kind":"volume","meta":{},"values":{"high":[1.0],"low":[0.0]}}'
    b'{"high":1.0,"low":0.0,"name":"t","size":30,"unit":"s"}],"channels":3,"dtype":"uint8","kind":"video",'
    b'"meta":{"fps":25.0},"values":{"high":[255.0],"low":[0.0]}}'
    b'[{"domain":{"axes":[{"high":1.0,"low":0.0,"name":"t","size":44100,"unit":"s"}],"channels":1,"dtype":"int16",'
    b'"kind":"audio","meta":{"sample_rate":44100,"subtype":"PCM_16"},"values":{"high":[1.0],"low":[-1.0]}}'
    # the less usual parts
    b'"activation":{"name":"gaussian","scale":10.0},"activation":{"name":"gabor","omega":10.0,"scale":10.0},'
    b'"encoding":{"epsilon":0.001,"name":"sape","num_blocks":256,"over":{"frequencies":256,"kind":"radial",'
    b'"name":"fourier","octaves":null,"sigma":40.0},"resolution":128},"basic""positional"'
    b'"encoding":{"frequencies":256,"kind":"gaussian","name":"fourier","octaves":null,"sigma":10.0},'
    b'"encoding":{"coarsest":16,"features":2,"finest":256,"interpolation":"smoothstep","levels":8,"name":"dense"},'
    b'"width":256}},"metrics":{"psnr":,"snr":'
    # a picture with a sine network on the bare coordinates, then with a hash grid
    b'"field":{"activation":{"first_omega":null,"name":"sine","omega":30.0},"encoding":{"name":"identity"},'
    b'"network":{"bias":true,"depth":3,"name":"mlp","width":256}},"metrics":{"psnr":'
    b'[{"domain":{"axes":[{"high":768.0,"low":0.0,"name":"x","size":768,"unit":"px"},{"high":512.0,"low":0.0,'
    b'"name":"y","size":512,"unit":"px"}],"channels":3,"dtype":"uint8","kind":"image","meta":{},'
    b'"values":{"high":[255.0],"low":[0.0]}},"field":{"activation":{"init":"default","name":"relu"},'
    b'"encoding":{"coarsest":16,"features":2,"finest":768,"interpolation":"linear","levels":12,"log2_size":16,'
    b'"name":"hash"},"network":{"bias":true,"depth":2,"name":"mlp","width":64}},"metrics":{"psnr":3'
    b',"ssim":0.9}},[["encoding","raw",true],["network","raw",true],["residual","raw",false]]]'
)

# compressed fields, which leave out what is usual
_COMPRESSED = (
    b'"channels":1,"channels":3,"channels":4,"dtype":"float64","dtype":"float32","dtype":"uint16","dtype":"int16",'
    b'"activation":{"first_omega":null,"name":"sine","omega":30.0},"encoding":{"name":"identity"},'
    b'"network":{"bias":true,"depth":3,"name":"mlp","width":64}},"metrics":{"psnr":'
    b'"values":{"high":[1.0,"low":[-1.0,"meta":{"sample_rate":48000,"sample_rate":22050,"sample_rate":16000},'
    b'"meta":{"fps":30.0},"kind":"audio","kind":"video","kind":"volume","shape":['
    b'"field":{"activation":"gaussian""gabor""relu","encoding":"hash:levels=,coarsest=,finest=,log2_size=",'
    b'"network":"mlp:depth=3,width=64","detail.1","bytes",false],["detail.2","bytes",false],["detail.3","bytes",false'
    b'[{"codec":"coin","domain":{"kind":"image","shape":[[{"codec":"doh","domain":{"kind":"image","shape":['
    b'[{"codec":"ani","domain":{"kind":"image","shape":[512,768]}},[["base","bytes",true],["detail.1","bytes",false],'
    b'["detail.2","bytes",false]]]'
    b'[{"codec":"mlp","domain":{"channels":1,"dtype":"int16","kind":"volume","shape":['
    b'[{"codec":"mlp","domain":{"kind":"audio","shape":[[{"codec":"mlp","domain":{"kind":"volume","shape":['
    b'[{"codec":"mlp:sphere=true","domain":{"kind":"volume","shape":['
    b'[{"codec":"mlp","domain":{"kind":"image","shape":[512,768]}},[["base","bytes",true]]]'
)

DICTIONARIES = {1: _RAW, 2: _COMPRESSED}
